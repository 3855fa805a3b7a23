"""How kernels become machine code: each is translated by itself, and all of a door are optimised once.

The problem: numba makes machine code of every function that it compiles, with everything that the
function calls linked in and optimised anew. What stands at the end of a chain of ten calls is optimised
ten times over, and kept on disk ten times: of the two minutes that the trading loop took to compile, more
than half went there, and 300 MB of the user's disk.

The choice: a kernel that only kernels call is a *part*. Its library is not optimised and is never machine
code by itself; whatever calls it from outside, a door or a user's function, has it linked in with all the
parts that it leads to, once each, and optimises them together.

Importing this module imports numba; only `engine.jit` does so, when something is compiled.
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class _NoEnvironments:
    """What stands for the code generator of a part: it has no environment, which only objects need."""

    def set_env(self, name: str, environment: object) -> None:
        """Forget it."""


class Part(JITCodeLibrary):
    """The code of one kernel that only kernels call."""

    @property
    def codegen(self) -> Any:
        """What numba wants to tell of a function that can be called."""
        return _NoEnvironments()

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0: it has no address of its own."""
        self._ensure_finalized()
        return 0

    def finalize(self) -> None:
        """End its translation, without linking or optimising anything."""
        self._raise_if_finalized()
        for library in self._linking_libraries:
            self._reload_init.update(library._reload_init)
        self._finalize_dynamic_globals()
        self._finalized = True

    def _get_module_for_linking(self) -> Any:
        """Return the code of this part and of everything that it leads to.

        What may be linked in more than once is left out where nothing that is there names it: so parts
        become that at the end, and numba's own libraries, which are that, come after them.
        """
        self._ensure_finalized()
        if self._shared_module is None:
            module = self._final_module.clone()
            libraries = self._leads_to()
            for library in libraries:
                if isinstance(library, Part):
                    module.link_in(library._final_module, preserve=True)
            for library in libraries:
                if not isinstance(library, Part):
                    module.link_in(library._get_module_for_linking(), preserve=True)
            for function in module.functions:
                if not function.is_declaration:
                    function.linkage = "linkonce_odr"
            self._shared_module = module
        return self._shared_module

    def _leads_to(self) -> list[Any]:
        """Return the other libraries that this one needs, in the end, each once."""
        found: dict[Any, None] = {}
        waiting = [*reversed(self._linking_libraries)]
        while waiting:
            library = waiting.pop()
            if library not in found and library is not self:
                found[library] = None
                if isinstance(library, Part):
                    waiting += reversed(library._linking_libraries)
        return list(found)


class PartCompiler(Compiler):
    """numba's compiler, for parts."""

    def define_pipelines(self) -> Any:
        """Return numba's own passes; the library that they write to is a part."""
        state: Any = self.state
        state.library = Part(state.targetctx.codegen(), state.func_id.func_qualname)
        return super().define_pipelines()
