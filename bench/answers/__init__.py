"""The parts of `python -m bench labelling`."""
