"""restyle paints whole videos in the style of a painting."""

__version__ = "0.1.0"
