"""The parent's ends of workers, a module for each kind: process, other interpreter, Ray actor."""
