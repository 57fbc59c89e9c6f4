"""What the page tells people to type is signed as the server asks, by openssl in a plain shell."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.utils import timezone

from core.secrets import Secret
from scheduling import curl
from scheduling.models import Schedule
from scheduling.webhooks.signing import DIALECTS

ADDRESS = "https://helix.example.org/webhooks/schedules/01a20167/"
SHELLS = [shell for shell in ("sh", "bash", "dash") if shutil.which(shell)]
# In place of curl: what it is given, each argument ended by a NUL, which none can hold.
FAKE = '#!/bin/sh\nprintf "%s\\0" "$@"\n'

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl here")


def sent(
    tmp_path: Path, shell: str, dialect: str, secret: Secret, body: dict[str, str]
) -> list[str]:
    fake = tmp_path / "curl"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    done = subprocess.run(  # noqa: S603  our own text: that is what is tested
        [shell, "-c", curl.command(ADDRESS, dialect, body)],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin:/usr/local/bin", "SECRET": secret.reveal()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split("\0")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("dialect", Schedule.Dialect.values)
def test_the_command_signs_what_it_sends(tmp_path: Path, shell: str, dialect: str) -> None:
    secret = DIALECTS[dialect].new_secret()
    body = {"said": 'It\'s $HOME `id` \\n "ü" ☃', "path": "a'b"}

    given = sent(tmp_path, shell, dialect, secret, body)

    headers = dict(value.split(": ", 1) for flag, value in pairwise(given) if flag == "-H")
    data = given[given.index("--data-binary") + 1].encode()
    lower = {name.lower(): value for name, value in headers.items()}
    keys = [DIALECTS[dialect].key_of(secret)]
    now, window = timezone.now(), timedelta(minutes=5)
    assert DIALECTS[dialect].verify(lower, data, keys, now, window).problem is None
    other = [DIALECTS[dialect].key_of(DIALECTS[dialect].new_secret())]
    assert DIALECTS[dialect].verify(lower, data, other, now, window).problem is not None
    assert given[:2] == ["-sS", ADDRESS]
    assert lower["content-type"] == "application/json"


def test_the_command_holds_no_secret() -> None:
    for dialect in Schedule.Dialect.values:
        assert "$SECRET" in curl.command(ADDRESS, dialect, {}).replace("{SECRET#", "$SECRET")
        assert "whsec_" not in curl.command(ADDRESS, dialect, {}).replace("#whsec_}", "")
