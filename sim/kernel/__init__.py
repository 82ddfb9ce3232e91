"""The venue and the machine's steps on bars, compiled anew for each set of groups (see groups.py)."""
