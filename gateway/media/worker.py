"""The decoding of one upload in a process of its own: shut in, decode, report, end."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

from gateway.media import sandbox
from gateway.media.film import FilmDecoder, Frame, Sound
from gateway.media.geometry import UPRIGHT, Orientation
from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.pictures import Picture, strips
from gateway.media.probe import open_media, whole_milliseconds
from gateway.media.records import Ending, ProblemRecord, RecordKind, RecordWriter
from gateway.media.refusals import damaged, out_of_memory
from gateway.media.signatures import Container, identify
from gateway.media.unended import PacketDecoder, open_unended
from shared.contracts.analyses import Notice
from shared.contracts.media import Media
from shared.contracts.problems import Problem

# A turned phone film is only known to be turned from its first frame, so what is said of the film waits for
# it, but not longer than so many seconds of sound.
_SOUND_BEFORE_FRAMES = 30


def decode_shut_in(
    limits: MediaLimits, options: DecodeOptions, measures: sandbox.Measures, *, parent: int, base_bytes: int
) -> None:
    """Shut this process in, then decode descriptor 3 into descriptor 4. `sandbox.keep_only` came before."""
    file = os.fdopen(sandbox.UPLOAD_FD, "rb", buffering=0, closefd=False)
    sandbox.shut_in(limits, measures, parent=parent, base_bytes=base_bytes)
    report(file, RecordWriter(sandbox.OUTPUT_FD), limits, options)


def report(file: BinaryIO, writer: RecordWriter, limits: MediaLimits, options: DecodeOptions) -> None:
    """Decode a file into records; whatever is wrong with it becomes the last of them."""
    try:
        writer.document(RecordKind.ENDED, _decode(file, writer, limits, options))
    except BrokenPipeError:
        return
    except Problem as problem:
        _send_problem(writer, problem)
    except MemoryError:
        _send_problem(writer, out_of_memory(limits.memory_bytes))
    except Exception as error:  # noqa: BLE001 - whatever a hostile file provokes is that file's fault
        _send_problem(writer, damaged("The file is damaged: decoding it failed."))
        _log(error)


def _decode(file: BinaryIO, writer: RecordWriter, limits: MediaLimits, options: DecodeOptions) -> Ending:
    if options.unended == "packets":
        return _decode_packets(file, writer, limits, options)
    if options.unended == "container":
        return _decode_film(*open_unended(file), writer, limits, options)
    container = identify(file)
    if container.demuxer is None:
        return _decode_picture(file, container, writer, limits, options)
    return _decode_film(file, container, writer, limits, options)


def _decode_picture(
    file: BinaryIO, container: Container, writer: RecordWriter, limits: MediaLimits, options: DecodeOptions
) -> Ending:
    picture = Picture(file, container, limits)
    if options.faces:
        # Decoded before it is announced, so that a damaged picture is refused and nothing is heard of it.
        image = picture.upright(options.picture_side)
        writer.document(RecordKind.PROBED, picture.media)
        writer.frame_in_strips(0.0, image.height, image.width, strips(image))
    else:
        writer.document(RecordKind.PROBED, picture.media)
    return _ending(picture.media, None)


def _decode_packets(
    file: BinaryIO, writer: RecordWriter, limits: MediaLimits, options: DecodeOptions
) -> Ending:
    sandbox.raise_cpu_limit(limits.cpu_seconds)
    decoder = PacketDecoder(file, writer, limits, options)
    decoder.run()
    return _ending(decoder.media, round(decoder.seconds, 6))


def _decode_film(
    file: BinaryIO, form: Container, writer: RecordWriter, limits: MediaLimits, options: DecodeOptions
) -> Ending:
    opened = open_media(file, form, limits, options)
    sandbox.raise_cpu_limit(limits.cpu_seconds_for(None if opened.may_be_longer else opened.media.seconds))
    decoder = FilmDecoder(opened, limits, options)
    pieces = decoder.pieces()
    held: list[Frame | Sound] = []
    orientation = UPRIGHT
    for piece in pieces:
        held.append(piece)
        if isinstance(piece, Frame):
            orientation = piece.orientation
        if isinstance(piece, Frame) or opened.video is None or len(held) > _SOUND_BEFORE_FRAMES:
            break
    writer.document(RecordKind.PROBED, _turned(opened.media, orientation))
    for piece in _chain(held, pieces):
        if isinstance(piece, Frame):
            orientation = piece.orientation
            height, width, _ = piece.pixels.shape
            writer.frame(piece.t, height, width, piece.pixels.data)
        else:
            writer.sound(piece.t, piece.samples.data)
    media, seconds = _turned(opened.media, orientation), round(decoder.seconds, 6)
    is_whole, claimed = options.start is None and options.end is None, media.seconds
    if (claimed is None and is_whole) or (claimed is not None and claimed < seconds):
        media = media.model_copy(update={"seconds": whole_milliseconds(seconds)})
    return _ending(media, seconds, decoder.notices())


def _ending(media: Media, seconds: float | None, notices: tuple[Notice, ...] = ()) -> Ending:
    used = sandbox.used_so_far()
    return Ending(
        media=media, seconds=seconds, notices=notices, cpu_ms=used.cpu_ms, peak_bytes=used.peak_bytes
    )


def _chain(held: list[Frame | Sound], rest: Iterator[Frame | Sound]) -> Iterator[Frame | Sound]:
    while held:
        yield held.pop(0)
    yield from rest


def _turned(media: Media, orientation: Orientation) -> Media:
    if media.video is None or media.video.rotation == orientation.rotation:
        return media
    video = media.video.model_copy(update={"rotation": orientation.rotation})
    return media.model_copy(update={"video": video})


def _send_problem(writer: RecordWriter, problem: Problem) -> None:
    record = ProblemRecord(
        name=problem.name,
        detail=problem.detail,
        field=problem.field,
        remedy=problem.remedy,
        extra=problem.extra,
    )
    try:
        writer.document(RecordKind.PROBLEM, record)
    except BrokenPipeError:
        return


def _log(error: Exception) -> None:
    """Name the error and its place on standard error, without what the file holds."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f" in {trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}"
    # Where standard error is a file, the limit on the size of files forbids it.
    with contextlib.suppress(OSError):
        sys.stderr.write(f"decoder: {type(error).__name__}{place}\n")
        sys.stderr.flush()
