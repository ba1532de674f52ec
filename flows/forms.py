"""What the fields of the dashboard's forms take: the bounds of an order, and lists to choose from."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from models.styles import shipped
from restyle.order import StyleWords

if TYPE_CHECKING:
    ShippedStyle = str
    Start = str
else:
    ShippedStyle = Annotated[Literal[tuple(shipped())], Field(title="from the list")]
    Start = Literal["nearest", "scratch", *shipped()]

# The dashboard shows kinds of values by their titles; without, both would read "str".
Style = ShippedStyle | Annotated[StyleWords, Field(title="by name")]
"""One of a list, or words: the name of a style that only the store has, or a mix."""
Strength = Annotated[float, Field(ge=0.0, le=1.0)]
Smooth = Annotated[float, Field(ge=0.0, le=1.0)]
Stroke = Annotated[float, Field(ge=0.5, le=2.0)]
Pixels = Annotated[int, Field(ge=16, le=16384)]
Crf = Annotated[int, Field(ge=0, le=63)]
Money = Annotated[float, Field(ge=0.01, le=1e9)]
Minutes = Annotated[float, Field(ge=0.1, le=1440.0)]
"""Up to a day."""
