from bench.site import *  # noqa: F403  (moved: import bench.site)
