"""Colour ramps of Permea's maps, from low to high."""

# Perceptually uniform, so that equal differences of cost look equal: pale for near, dark for far.
DISTANCE = (
    "#fcfdbf", "#feca8d", "#fd9668", "#f1605d", "#cd4071", "#9e2f7f", "#721f81", "#440f76", "#180f3d",
)  # fmt: skip
# The same without the colours that are too pale for thin lines.
LINES = ("#fd9668", "#f1605d", "#cd4071", "#9e2f7f", "#440f76")
# From blue to red, pale in the middle; in sensitivity maps blue is what helps.
DIVERGING = (
    "#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7",
    "#fddbc7", "#f4a582", "#d6604d", "#b2182b", "#67001f",
)  # fmt: skip
# The same around white, for maps of which most cells are 0.
WHITE_AT_ZERO = (*DIVERGING[:5], "#ffffff", *DIVERGING[6:])
# From bare ground to closed forest.
HABITAT = (
    "#f7f4e3", "#dfe8b8", "#b8d68c", "#86bf6b", "#54a353", "#2d8344", "#146338", "#06452b",
)  # fmt: skip
# Dark for low, bright for high current; one legend entry for each colour.
CURRENT = ("#0b0724", "#420f68", "#8a226a", "#c63d4d", "#f1711f", "#f9ae26", "#fdf7b2")
# Distinguishable with most forms of colour blindness.
CATEGORIES = (
    "#1b7f5c", "#e08e2b", "#4b7fb5", "#a8577e", "#8fb339", "#7a5ea8", "#d6c13a", "#3fb3b0", "#c4553b", "#5f6f7a",
)  # fmt: skip
# Cyclic: similar colours for neighbouring directions, different ones for opposite directions.
COMPASS = (
    "#222222", "#e41a1c", "#ff7f00", "#ffd92f", "#a6d854", "#1b9e77", "#41b6c4", "#386cb0", "#984ea3",
)  # fmt: skip
# Darker than the grey of cells without data in reports.
OTHER = "#a3a39d"
