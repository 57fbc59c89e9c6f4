from __future__ import annotations

import inspect


class DomainError(Exception):
    """The request cannot be carried out as asked.

    Its text is a sentence for the person who asked: it names the field and the mend. The docstring
    of a subclass is its default message. `core.middleware` turns it into a response, commands into
    a line on standard error.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (inspect.getdoc(type(self)) or "").partition("\n")[0])
