from typing import final

from typing_extensions import Self

from puffer.native.ends import EndsForm

@final
class FinalObjects:
    def __new__(cls, form: EndsForm) -> Self: ...
