"""The versions of libraries whose insides the engine knows; with others the stock driver serves."""

from importlib.metadata import PackageNotFoundError, version

KNOWN = {"python-engineio": "4.15.", "python-socketio": "5.18.", "Flask-SocketIO": "5.7."}
KNOWN_GUNICORN = {"gunicorn": "27.0."}


def fit(known: dict[str, str]) -> bool:
    """True for versions that are known here."""
    try:
        return all(version(name).startswith(one) for name, one in known.items())
    except PackageNotFoundError:
        return False
