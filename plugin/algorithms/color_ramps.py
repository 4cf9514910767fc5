"""The colours of Permea's maps, from the first value to the last."""

# Perceptually even, so that equal steps of cost look equal: pale where a source is near, dark where it is far.
DISTANCE = (
    "#fcfdbf", "#feca8d", "#fd9668", "#f1605d", "#cd4071", "#9e2f7f", "#721f81", "#440f76", "#180f3d",
)  # fmt: skip
# As above, without what is too pale for a thin line.
LINES = ("#fd9668", "#f1605d", "#cd4071", "#9e2f7f", "#440f76")
# Blue where raising the value lowers the connectivity scalar, red where it raises it, pale around none.
DIVERGING = (
    "#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7",
    "#fddbc7", "#f4a582", "#d6604d", "#b2182b", "#67001f",
)  # fmt: skip
# Bare ground to closed forest.
HABITAT = (
    "#f7f4e3", "#dfe8b8", "#b8d68c", "#86bf6b", "#54a353", "#2d8344", "#146338", "#06452b",
)  # fmt: skip
# Dark where hardly anything flows, glowing where much does; no more colours than a legend has room for lines.
CURRENT = ("#0b0724", "#420f68", "#8a226a", "#c63d4d", "#f1711f", "#f9ae26", "#fdf7b2")
# Told apart also by most people who do not see red and green as different.
CATEGORIES = (
    "#1b7f5c", "#e08e2b", "#4b7fb5", "#a8577e", "#8fb339", "#7a5ea8", "#d6c13a", "#3fb3b0", "#c4553b", "#5f6f7a",
)  # fmt: skip
# Neighbouring directions look alike, opposite ones do not.
COMPASS = (
    "#222222", "#e41a1c", "#ff7f00", "#ffd92f", "#a6d854", "#1b9e77", "#41b6c4", "#386cb0", "#984ea3",
)  # fmt: skip
OTHER = "#c9c9c4"
