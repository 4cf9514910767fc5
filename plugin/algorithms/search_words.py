"""Search words of the toolbox besides those of the titles: names that other programs and other fields use."""

from __future__ import annotations

_DISTANCES = ("leastcostdistance", "resistancedistance", "rspdistance", "distancematrix")
_CIRCUITS = ("currentflow", "currentflowadvanced", "circuitscapeproject", "movingwindowcurrent")
_SENSITIVITIES = ("sensitivity", "windowedsensitivity", "movingwindowsensitivity")
_HABITAT = ("connectedhabitat", "windowedconnectivity")
_PATHS = ("leastcostpaths", "leastcostcorridor")
_LANDSCAPES = ("permeabilityfromlandcover", "connectedcomponents")

#: Algorithms by the word that finds them.
_WORDS: dict[str, tuple[str, ...]] = {
    # questions
    "barrier": ("barriers", *_SENSITIVITIES, "connectedcomponents"),
    "bottleneck": ("barriers", "currentflow", "movingwindowcurrent"),
    "pinch point": ("barriers", "currentflow", "movingwindowcurrent"),
    "pinchpoint": ("barriers", "currentflow", "movingwindowcurrent"),
    "restoration": ("barriers", *_SENSITIVITIES),
    "where to restore": ("barriers", *_SENSITIVITIES),
    "road": ("barriers", *_SENSITIVITIES),
    "conservation priority": (*_SENSITIVITIES, *_HABITAT, "barriers"),
    "corridor": ("leastcostcorridor", "leastcostpaths", "currentflow", "movingwindowcurrent", "rspflow", "barriers"),
    "linkage": (*_PATHS, "barriers"),
    "stepping stones": ("leastcostpaths", "currentflow", "rspflow", "connectedhabitat", "distancematrix"),
    "habitat network": ("leastcostpaths", "distancematrix", *_HABITAT, "connectedcomponents"),
    "graph": ("distancematrix", "leastcostpaths"),
    "betweenness": ("rspflow", "currentflow"),
    "centrality": ("rspflow", "currentflow"),
    "fragmentation": ("connectedcomponents", *_HABITAT),
    "isolation": ("connectedcomponents", *_DISTANCES),
    "patches": ("connectedcomponents", "distancematrix", "leastcostpaths"),
    "gene flow": ("resistancedistance", "distancematrix", "currentflow", "movingwindowcurrent"),
    "genetics": ("resistancedistance", "distancematrix"),
    "isolation by resistance": ("resistancedistance", "distancematrix"),
    "dispersal": (*_DISTANCES, *_HABITAT, "rspflow", "windowedsensitivity"),
    "migration": ("leastcostpaths", "rspflow", "movingwindowcurrent"),
    "climate": ("movingwindowcurrent", "movingwindowsensitivity"),
    "gradient": _SENSITIVITIES,
    "derivative": _SENSITIVITIES,
    "elasticity": _SENSITIVITIES,
    # quantities
    "friction": ("leastcostdistance", *_PATHS, "permeabilityfromlandcover"),
    "cost surface": ("leastcostdistance", *_PATHS, "permeabilityfromlandcover"),
    "cost distance": ("leastcostdistance", "distancematrix"),
    "conductance": (*_CIRCUITS, "permeabilityfromlandcover"),
    "resistance surface": ("permeabilityfromlandcover", "resistancedistance"),
    "effective resistance": ("resistancedistance", "distancematrix"),
    "circuit theory": ("resistancedistance", *_CIRCUITS, "barriers"),
    "random walk": ("resistancedistance", "rspdistance", "rspflow", "currentflow"),
    "omnidirectional": ("movingwindowcurrent", "movingwindowsensitivity"),
    "reclassify": ("permeabilityfromlandcover",),
    "probability of connectivity": _HABITAT,
    "equivalent connected area": _HABITAT,
    # programs
    "Circuitscape": (*_CIRCUITS, "resistancedistance", "distancematrix"),
    "Omniscape": ("movingwindowcurrent", "movingwindowsensitivity", "circuitscapeproject"),
    "Linkage Mapper": (*_PATHS, "barriers"),
    "Barrier Mapper": ("barriers",),
    "Pinchpoint Mapper": ("barriers", "currentflow"),
    "Conefor": (*_HABITAT, "distancematrix"),
    "Graphab": (*_HABITAT, "distancematrix", "leastcostpaths"),
    "ConScape": ("rspdistance", "rspflow", *_HABITAT, *_SENSITIVITIES),
    "JAXScape": (*_SENSITIVITIES, *_HABITAT),
    "gdistance": (*_DISTANCES, "rspflow"),
    "UNICOR": _PATHS,
    "sample": ("loadsampledata",),
    "example": ("loadsampledata",),
    "tutorial": ("loadsampledata",),
    "landscape": _LANDSCAPES,
}


def search_words(identifier: str) -> list[str]:
    """Return the words by which the toolbox finds an algorithm.

    Examples
    --------
    >>> search_words("loadsampledata")
    ['sample', 'example', 'tutorial']
    """
    return [word for word, identifiers in _WORDS.items() if identifier in identifiers]
