"""What numbers in text for people say, read from the names of their characters in Unicode."""

import unicodedata

ASCII = {"MINUS SIGN": "-", "SUPERSCRIPT MINUS": "-", "MULTIPLICATION SIGN": "×"}


def read(text):
    """Return the number that a text shows, such as −1.5 × 10⁻⁵."""
    plain, is_power = "", False
    for character in text.replace(" ", "").replace(",", ""):
        name = unicodedata.name(character)
        if "SUPERSCRIPT" in name and not is_power:
            plain, is_power = plain + "^", True
        plain += ASCII.get(name) or (str(unicodedata.digit(character)) if "SUPERSCRIPT" in name else character)
    if not is_power:
        return float(plain)
    mantissa, exponent = plain.split("10^")
    mantissa = mantissa.removesuffix("×")
    return float(f"{mantissa}e{exponent}" if mantissa.strip("-") else f"{mantissa}1e{exponent}")
