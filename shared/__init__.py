"""What all services agree on.

ONNX Runtime's wheels collect events in a database of the user and send them to their maker, unless told not
to before the library is loaded. Nothing is sent from here.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
