from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

from core import health
from core.commands import HelixCommand
from core.secrets.masking import mask


class Command(HelixCommand):
    help = "Examine this installation and say how to mend what is wrong; exit code 1 if any is red."
    requires_system_checks = []  # a patient may come in any state

    def handle(self, **_: Any) -> None:
        found = health.examine()
        data = {
            name: {key: mask(str(value)) for key, value in asdict(finding).items()}
            for name, finding in found.items()
        }
        self.emit(data, "\n".join(line for name in data for line in lines(name, **data[name])))
        if any(finding.level == health.Level.RED for finding in found.values()):
            sys.exit(1)


def lines(name: str, *, level: str, says: str, mend: str, detail: str) -> list[str]:
    about = [f"{level:<8} {name}: {says}"]
    about += [f"{'':<8}   {detail}"] if detail else []
    about += [f"{'':<8}   Mend: {mend}"] if mend else []
    return about
