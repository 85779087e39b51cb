"""All that can be seen of the files below a directory, one line of JSON.

Rule: this runs as a script of its own as well, in whatever namespaces a test has to look from.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections import defaultdict
from pathlib import Path
from typing import TypeAlias

__all__ = ["Survey", "survey"]

#: By path: kind and mode, owner, time, attributes, content or where it leads, and other names.
Survey: TypeAlias = dict[str, dict[str, object]]


def survey(root: Path) -> Survey:
    """Look at a directory and all that is below it."""
    found: Survey = {}
    names: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for directory, directories, files in os.walk(root):
        below = [Path(directory, name) for name in (*directories, *files)]
        for path in [root, *below] if directory == str(root) else below:
            name, status = str(path.relative_to(root)), path.lstat()
            found[name] = _seen(path, status)
            if not stat.S_ISDIR(status.st_mode):
                names[status.st_dev, status.st_ino].append(name)
    for same in names.values():
        for name in same:
            found[name]["names"] = sorted(same)
    return found


def _seen(path: Path, status: os.stat_result) -> dict[str, object]:
    content = path.read_bytes().hex() if stat.S_ISREG(status.st_mode) else ""
    return {
        "mode": stat.filemode(status.st_mode),
        "owner": [status.st_uid, status.st_gid],
        "time": status.st_mtime_ns,
        "device": status.st_rdev,
        "content": str(path.readlink()) if path.is_symlink() else content,
        "attributes": {
            name: os.getxattr(path, name, follow_symlinks=False).hex()
            for name in sorted(os.listxattr(path, follow_symlinks=False))
        },
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(survey(Path(sys.argv[1]))))
