"""A small project to see a release with."""

__version__ = "0.1.0"


def greet(name: str) -> str:
    """Greets somebody by name."""
    return f"Hello, {name}!"
