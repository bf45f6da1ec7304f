#!/bin/sh
# Take out of a virtual environment what a running service never opens: prune.sh FOLDER
set -eu
cd "$1"/lib/python3*/site-packages

# Makers of networks; here they only run.
rm -rf onnxruntime/transformers onnxruntime/quantization onnxruntime/tools onnxruntime/datasets
# For programs in C. Python's own module has the same code linked in.
rm -f onnxruntime/capi/libonnxruntime.so.*
# Our own cascade ships with its manifest.
rm -f cv2/data/*.xml

find . -depth -type d \( -name tests -o -name test \) -exec rm -rf {} +
find . -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.a' -o -name '*.h' \) -delete
find . -depth -type d -empty -delete
