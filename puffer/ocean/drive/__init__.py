"""Driving, as in GPUDrive."""
