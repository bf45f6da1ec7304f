"""Speech: from corpora to the networks that ship.

Each step keeps what it made and goes on from there when it is run again. With `C` the corpora and `R` a
folder for what is made (about 4 GB). `--only` and `--unfelt` learn from chosen corpora: docs/training.md.

    python -m training.third_party.silero_vad speech_service/models/default/activity
    python -m training.third_party.whisper R/encoders/base.npz
    python -m training.third_party.campplus R/encoders/speaker.npz
    python -m training.export.speech_encoder R/encoders
    python -m training.third_party.free_speech R/free_speech.npz
    for E in base speaker; do python -m training.speech.features --corpora C --encoder R/encoders/$E.onnx \
        --out R/features/$E --free R/free_speech.npz; done
    python -m training.speech.train --corpora C --features R/features --free --out R/fits
    python -m training.speech.evaluate_activity --corpora C --features R/features --fits R/fits \
        --encoder R/encoders/base.onnx --out R/activity.json        (also solves the gate, R/fits/gate.npz)
    python -m training.speech.evaluate_research left_out --corpora C --features R/features --free \
        --out R/left_out.json --logits R/left_out.npz
    python -m training.speech.evaluate_research ravdess --corpora C --features R/features \
        --out R/ravdess.json --logits R/ravdess_alone.npz
    python -m training.speech.evaluate --corpora C --fits R/fits --left-out R/left_out.npz \
        --also R/*.json --out R/figures
    python -m training.export.speech_publish default --encoders R/encoders --fits R/fits \
        --figures R/figures/figures.json --out speech_service/models/default/classification
    python -m training.speech.evaluate_served --corpora C --out R/served.json \
        --network speech_service/models/default/classification    (then publish again with it)
    python -m training.speech.paper --corpora C --cache R/mfcc --out R/paper
    python -m training.speech.paper --corpora C --cache R/mfcc --out R/paper --left-out
    python -m training.speech.evaluate_paper --corpora C --fits R/paper --out R/paper/figures.json
    python -m training.export.speech_publish paper --fits R/paper --figures R/paper/figures.json \
        --out speech_service/models/paper/classification
"""
