"""Driving, as in GPUDrive: the environment `drive`, and the scenes that it plays."""

from puffer.ocean.drive._scenes import SCENARIOS, Scene, read_scene, synthetic_scene, write_scene

__all__ = ["SCENARIOS", "Scene", "read_scene", "synthetic_scene", "write_scene"]
