"""Where learning starts: quality curves set by hand, everything else neutral; and the paper's parameters."""

from fusion_service.parameters import (
    FaceQualityCurve,
    FusionParameters,
    LinkingRules,
    PoolWeights,
    SpeechQualityCurve,
)
from shared.contracts.fusion import Strategy

_ONES = (1.0,) * 7

LINKING = LinkingRules(continues=0.58, same=0.45, different=0.37, patience=1.5, passing_evidence=1.0)

# The curves follow what both networks lose on small, blurred, turned faces and on short or noisy speech;
# studio films hold too little of these to learn them from.
START = FusionParameters(
    strategy=Strategy.LEARNED,
    face_quality=FaceQualityCurve(
        pixels_half=8.0,
        sharpness_half=0.3,
        yaw_half=60.0,
        detection_power=1.0,
        prominence_power=1.0,
        coverage_half=0.1,
    ),
    speech_quality=SpeechQualityCurve(seconds_half=0.3, snr_half=-3.0, snr_width=3.0),
    linking=LINKING,
    pool=PoolWeights(face=_ONES, speech=_ONES, quality_power=1.0),
    face_share=0.5,
    face_sharpening=1.0,
    speech_sharpening=1.0,
)

# Plain averaging, as the paper has it: every face, every frame, both modalities alike.
PAPER = FusionParameters(
    strategy=Strategy.MEAN,
    face_quality=FaceQualityCurve(
        pixels_half=0.0,
        sharpness_half=0.0,
        yaw_half=0.0,
        detection_power=0.0,
        prominence_power=0.0,
        coverage_half=0.0,
    ),
    speech_quality=SpeechQualityCurve(seconds_half=0.0, snr_half=0.0, snr_width=0.0),
    linking=LINKING,
    pool=PoolWeights(face=_ONES, speech=_ONES, quality_power=0.0),
    face_share=0.5,
    face_sharpening=1.0,
    speech_sharpening=1.0,
)
