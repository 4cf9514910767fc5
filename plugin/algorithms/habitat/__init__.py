"""Connected and accessible habitat."""

from .parameters import habitat, landmark_outputs, landmarks, log_landmarks

__all__ = [
    "habitat",
    "landmark_outputs",
    "landmarks",
    "log_landmarks",
]
