from bench.place import *  # noqa: F403  (moved: import bench.place)
