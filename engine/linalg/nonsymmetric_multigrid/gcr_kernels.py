"""Vector kernels of generalized conjugate residuals."""

from ...parallel import njit_cached, njit_reassociating


@njit_reassociating
def image_from_residual(residual, next_residual, first, last):
    """Overwrite next_residual = r − A p by the image A p; return the products of A p with itself and with r."""
    square = product = 0.0
    for n in range(first, last):
        next_residual[n] = residual[n] - next_residual[n]
        square += next_residual[n] * next_residual[n]
        product += next_residual[n] * residual[n]
    return square, product


@njit_cached
def update(factor, direction, image, x, residual, first, last):
    """Add factor · direction to x, subtract its image from the residual; return the largest residual entry."""
    largest = 0.0
    for n in range(first, last):
        x[n] += factor * direction[n]
        residual[n] -= factor * image[n]
        largest = max(largest, abs(residual[n]))
    return largest
