"""`python -m shared.health_check`: exit 0 when the service in this container is ready, for HEALTHCHECK."""

import os
import sys
import urllib.error
import urllib.request


def main() -> int:
    """Ask `/health/ready` on the port that the service here listens on."""
    port = int(os.environ.get("EMOTION_PORT", "8000"))
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2) as answer:
            return 0 if answer.status == 200 else 1
    except (OSError, urllib.error.URLError):
        return 1


if __name__ == "__main__":
    sys.exit(main())
