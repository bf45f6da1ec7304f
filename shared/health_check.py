"""`python -m shared.health_check`: exit 0 when the service in this container is ready, for HEALTHCHECK."""

import http.client
import os
import sys


def main() -> int:
    """Ask `/health/ready` on the port that the service here listens on."""
    port = int(os.environ.get("EMOTION_PORT", "8000"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return 0 if connection.getresponse().status == http.client.OK else 1
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
