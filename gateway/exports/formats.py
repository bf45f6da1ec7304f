"""The table of formats that a finished analysis can be had in. A new one is a file here and a line below."""

from gateway.exports.elan import ELAN
from gateway.exports.emotionml import EMOTIONML
from gateway.exports.faces_csv import FACES_CSV
from gateway.exports.format import ExportFormat
from gateway.exports.json_lines import JSON_LINES
from gateway.exports.moments_csv import MOMENTS_CSV
from gateway.exports.webvtt import WEBVTT

# In order of preference, where a client would take several.
FORMATS: tuple[ExportFormat, ...] = (FACES_CSV, MOMENTS_CSV, JSON_LINES, WEBVTT, ELAN, EMOTIONML)

BY_NAME = {one.name: one for one in FORMATS}
