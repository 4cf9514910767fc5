"""Functions whose Jacobians have been counted by others, and the counts.

The functions are those of Lohoff and Neftci (2024), "Optimizing automatic differentiation with deep reinforcement
learning", from fluid dynamics, robotics, chemistry and medicine (MINPACK-2), and Griewank and Walther's book. The
numbers of multiplications of forward, reverse and Markowitz's orders (of equals the lowest or the highest vertex) and
of additions of forward and reverse order are those of their library, graphax.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np


class CountedFunction(NamedTuple):
    """A function, arguments, and its numbers of operations. One result of the random graph is undefined."""

    function: Callable
    arguments: tuple
    forward: int
    reverse: int
    markowitz_lowest: int
    markowitz_highest: int
    additions: tuple[int, int]


def simple(x, y):
    product = x * y
    sine = jnp.sin(product)
    return sine + product, jnp.log(sine)


def lighthouse(distance, slope, speed, time):
    first = distance * jnp.tan(speed * time) / (slope - jnp.tan(speed * time))
    return first, slope * first


def hole(x, y, z, w):
    inner = y * z
    left, right = inner + x, inner + w
    cosine, exponential = jnp.cos(left), jnp.exp(right)
    return cosine - exponential, cosine / exponential, cosine * exponential


def helmholtz(concentrations):
    return concentrations * jnp.log(concentrations / (1.0 + -jnp.sum(concentrations)))


def heart_dipole(x1, x2, x3, x4, x5, x6, x7, x8):
    left, right = x5**2 - x7**2, x6**2 - x8**2

    def cubic(a, b):
        return a * (a**2 - 3 * b**2)

    moments = (
        x1 + x2 - 1.0,
        x3 + x4 - 1.0,
        x5 * x1 + x6 * x2 - x7 * x3 - x8 * x4 - 1.0,
        x7 * x1 + x8 * x2 + x5 * x3 + x6 * x4 - 1.0,
        x1 * left - 2 * x3 * x5 * x7 + x2 * right - 2 * x4 * x6 * x8 - 1.0,
        x3 * left - 2 * x1 * x5 * x7 + x4 * right - 2 * x2 * x6 * x8 - 1.0,
    )
    c5, c7, c6, c8 = cubic(x5, x7), cubic(x7, x5), cubic(x6, x8), cubic(x8, x6)
    return (
        *moments,
        x1 * c5 + x3 * c7 + x2 * c6 + x4 * c8 - 1.0,
        x3 * c5 - x1 * c7 + x4 * c6 - x2 * c8 - 1.0,
    )


def propane_combustion(x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11):
    pressure, air = 40.0, 10.0
    root = jnp.sqrt(pressure / x11)
    return (
        x1 + x4 - 3.0,
        2 * x1 + x2 + x4 + x7 + x8 + x9 + 2 * x10 - air,
        2 * x2 + 2 * x5 + x6 + x7 - 8.0,
        2 * x3 + x9 - 4 * air,
        x2 * x4 - x1 * x5,
        jnp.sqrt(x2 * x4) - jnp.sqrt(x1) * root * x6,
        jnp.sqrt(x1 * x2) - jnp.sqrt(x4) * x7 * root,
        x1 - x4 * x8 * pressure / x11,
        x1 * jnp.sqrt(x3) - x4 * x9 * root,
        x1**2 - x4**2 * x10 * pressure / x11,
        x11 - x1 - x2 - x3 - x4 - x5 - x6 - x7 - x8 - x9 - x10,
    )


def roe_flux(density_l, momentum_l, energy_l, density_r, momentum_r, energy_r):
    """Roe's approximate Riemann solver in one dimension (Roe 1981)."""
    gamma = 0.5

    def pressure(density, momentum, energy):
        return (gamma - 1.0) * (energy - 0.5 * momentum**2 / density)

    def flux(density, momentum, energy, p):
        velocity = momentum / density
        return momentum, p + momentum * velocity, velocity * (p + energy)

    jump = density_r - density_l
    mean_density = jnp.sqrt(density_l * density_r)
    weight = jnp.sqrt(density_l) + jnp.sqrt(density_r)
    states = []
    for density, momentum, energy in ((density_l, momentum_l, energy_l), (density_r, momentum_r, energy_r)):
        velocity = momentum / density
        p = pressure(density, momentum, energy)
        states.append((velocity, p, (energy + p) / density))
    (velocity_l, p_l, enthalpy_l), (velocity_r, p_r, enthalpy_r) = states
    p_jump, velocity_jump = p_r - p_l, velocity_r - velocity_l
    u = (jnp.sqrt(density_l) * velocity_l + jnp.sqrt(density_r) * velocity_r) / weight
    h = (jnp.sqrt(density_l) * enthalpy_l + jnp.sqrt(density_r) * enthalpy_r) / weight
    u2 = u**2
    sound2 = (gamma - 1.0) * (h - 0.5 * u2)
    sound = jnp.sqrt(sound2)
    fast, slow, back = jnp.abs(u + sound), jnp.abs(u), jnp.abs(u)
    impedance = sound * mean_density
    w0 = (jump - p_jump / sound2) * slow
    w1 = (velocity_jump + p_jump / impedance) * fast
    w2 = (velocity_jump - p_jump / impedance) * back
    flux_l = flux(density_l, momentum_l, energy_l, p_l)
    flux_r = flux(density_r, momentum_r, energy_r, p_r)
    sums = [left + right for left, right in zip(flux_l, flux_r, strict=True)]
    c = 0.5 * mean_density / sound
    dissipation = (
        w0 + c * w1 - c * w2,
        w0 * u + c * w1 * (u + sound) - c * w2 * (u - sound),
        w0 * 0.5 * u2 + c * w1 * (h + u * sound) - c * w2 * (h - u * sound),
    )
    return tuple(0.5 * (total - part) for total, part in zip(sums, dissipation, strict=True))


def robot_arm(t1, t2, t3, t4, t5, t6):
    """Position and angles of the hand of an arm with six joints."""
    a1, a2, a3, d1, d4, d6 = 175.0, 890.0, 50.0, 575.0, 1035.0, 185.0
    c1, c2, c4, c5, c6 = (jnp.cos(t) for t in (t1, t2, t4, t5, t6))
    c23 = jnp.cos(t2) * jnp.cos(t3) - jnp.sin(t2) * jnp.sin(t3)
    s1, s2, s4, s5, s6 = (jnp.sin(t) for t in (t1, t2, t4, t5, t6))
    s23 = jnp.cos(t2) * jnp.sin(t3) + jnp.sin(t2) * jnp.cos(t3)
    ax = s5 * (c1 * c23 * c4 + s1 * s4) + c1 * s23 * c5
    ay = s5 * (s1 * c23 * c4 - c1 * s4) + s1 * s23 * c5
    az = s23 * c4 * s5 - c23 * c5
    nz = c6 * (c23 * s5 + s23 * c4 * c5) - s23 * s4 * s6
    oz = -s6 * (c23 * s5 + s23 * c4 * c5) - s23 * s4 * c6
    yaw = jnp.arctan2(ay, ax)
    pitch = jnp.arctan2(jnp.sqrt(1.0 - az**2), az)
    roll = jnp.arctan2(oz, -nz)
    px = d6 * (s5 * (c1 * c23 * c4 + s1 * s4) + c1 * s23 * c5) + c1 * (a1 + a2 * c2 + a3 * c23 + d4 * s23)
    py = d6 * (s5 * (s1 * c23 * c4 + c1 * s4) + s1 * s23 * c5) + s1 * (a1 + a2 * c2 + a3 * c23 + d4 * s23)
    pz = a2 * s2 + d1 + a3 * s23 - d4 * c23 + d6 * (s23 * c4 * s5 - c23 * c5)
    return px, py, pz, yaw, pitch, roll


#: A random graph: the operations that make the values 15, 16, … of earlier ones, of which 0 to 14 are the arguments.
RANDOM_OPERATIONS = (
    "ones;ones;arctan2 15 3;power 15 14;arctan2 13 17;power 17 5;subtract 9 8;arctan 10;multiply 21 0;"
    "subtract 22 18;power 24 11;add 21 12;exp 2;add 21 26;power 16 17;sin 3;divide 2 23;arctan2 24 26;"
    "subtract 29 25;arctan 33;multiply 7 27;tan 13;add 27 19;divide 7 6;subtract 25 34;subtract 29 6;power 35 4;"
    "cos 0;subtract 40 19;divide 41 7;subtract 40 8;arctan2 16 43;divide 8 30;power 37 36;power 47 44;"
    "arctan2 45 40;arctan2 44 13;divide 4 34;arctan2 41 1;arctan2 25 53;add 12 51;power 3 48;subtract 24 32;"
    "arctanh 48;arctanh 54;arctan2 2 26;subtract 52 18;cos 38;divide 8 32;arctan2 42 46;sinh 36;subtract 61 50;"
    "power 13 39;power 37 26;subtract 68 43;log 65;power 23 58;arctan2 50 69;divide 20 72;multiply 41 56;"
    "multiply 39 33;multiply 61 15;power 66 64;arctan2 53 25;subtract 59 60;arctan2 73 41;multiply 74 46;"
    "square 5;arctan2 28 62;arctan2 39 9;multiply 4 12;divide 57 56;arctan2 61 63;arcsinh 14;power 86 83;"
    "arcsin 66;subtract 70 79;arctan2 37 65;multiply 67 77;power 87 55;square 49;divide 92 94;add 15 95;"
    "divide 91 76;arctanh 46;multiply 75 45;divide 100 28;add 90 29;arctan2 80 84;subtract 20 91;add 82 90;"
    "divide 102 103;power 75 42;multiply 68 62;divide 102 1;power 98 101;negative 100;divide 31 89;"
    "divide 105 108;subtract 22 70;multiply 106 44;subtract 107 81;power 58 115;subtract 78 108;tan 87;"
    "power 87 48;add 105 38"
)
RANDOM_RESULTS = (121, 71, 85, 88, 93, 96, 97, 99, 104, 109, 110, 111, 112, 113, 114, 116, 117, 118, 119, 120)


def random_graph(*arguments):
    values = list(arguments)
    for operation in RANDOM_OPERATIONS.split(";"):
        name, *operands = operation.split()
        values.append(getattr(jnp, name)(*(values[int(n)] for n in operands) if operands else ((),)))
    return tuple(values[number] for number in RANDOM_RESULTS)


COUNTED_FUNCTIONS = {
    "simple": CountedFunction(simple, (0.5, 0.7), 8, 6, 6, 6, (2, 1)),
    "lighthouse": CountedFunction(lighthouse, (0.2, 0.3, 0.4, 0.5), 18, 22, 20, 20, (3, 5)),
    "hole": CountedFunction(hole, (0.3, 0.4, 0.5, 0.6), 28, 24, 26, 26, (6, 3)),
    "helmholtz": CountedFunction(helmholtz, (np.array([0.05, 0.15, 0.25, 0.35]),), 56, 36, 33, 33, (8, 8)),
    "heart dipole": CountedFunction(heart_dipole, tuple(0.1 * n for n in range(1, 9)), 240, 172, 194, 148, (20, 24)),
    "propane combustion": CountedFunction(
        propane_combustion, tuple(0.1 * n for n in range(1, 12)), 151, 90, 111, 88, (0, 0)
    ),
    "Roe flux": CountedFunction(roe_flux, (0.01, 0.02, 0.02, 0.01, 0.03, 0.03), 620, 364, 407, 344, (224, 135)),
    "robot arm": CountedFunction(robot_arm, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), 397, 301, 288, 221, (79, 84)),
    "random graph": CountedFunction(
        random_graph,
        (1.31, 1.39, 0.61, 2.3, 0.83, 1.24, 0.51, 1.02, 0.03, 0.52, 2.28, 0.33, 1.65, 2.6, 2.41),
        632,
        566,
        451,
        444,
        (89, 94),
    ),
}
