"""What modules are told of the server: `import.meta.env`, and global names of the settings.

Role: pure. As in Vite: `MODE`, `BASE_URL`, `DEV`, `PROD` and `SSR`, and what the option `define` adds as
`import.meta.env.NAME`; all other names of `define` are properties of `globalThis`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hotchannel.options import DevOptions

__all__ = ["global_names", "import_meta_env"]

_ENV = "import.meta.env."


def import_meta_env(options: DevOptions) -> str:
    """Return the object as JavaScript."""
    own = {name.removeprefix(_ENV): value for name, value in options.define.items() if name.startswith(_ENV)}
    env = {"BASE_URL": options.base, "DEV": True, "MODE": options.mode, "PROD": False, "SSR": False}
    return json.dumps(env | own, ensure_ascii=False)


def global_names(options: DevOptions) -> dict[str, object]:
    """Return the names that are set before any module runs, dotted where they are properties."""
    return {name: value for name, value in options.define.items() if not name.startswith(_ENV)}
