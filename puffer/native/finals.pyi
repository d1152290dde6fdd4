from typing import final

from typing_extensions import Self, disjoint_base

from puffer.native.ends import EndsForm

@final
@disjoint_base
class FinalObjects:
    def __new__(cls, form: EndsForm) -> Self: ...
