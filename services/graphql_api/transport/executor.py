"""graphql-core's executor, which shows the rows of long lists in portions."""

from collections.abc import Awaitable, Iterable
from typing import Any

from graphql import GraphQLOutputType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.executor import Executor
from graphql.pyutils import AwaitableOrValue, Path, gather_with_cancel

from services.graphql_api.passage import Passage


class PortionedExecutor(Executor[Any]):
    """The answer is the same. Awaitable parts of rows are awaited when the list is shown to its end."""

    def complete_iterable_value(
        self,
        item_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        items: Iterable[Any],
        position_context: Any,
    ) -> AwaitableOrValue[list[Any]]:
        passage: Passage = info.context.passage
        rows = _Rows(self, list(items), (item_type, field_details_list, info), path, position_context)
        if not rows.show(passage):
            return passage.later(lambda: rows.show(passage), rows.awaited)
        return rows.awaited() if rows.awaitable else rows.shown


class _Rows:
    """A list of which the first rows are shown; `awaitable` are the indexes of those that await something."""

    def __init__(
        self, executor: PortionedExecutor, items: list[Any], about: tuple[Any, Any, Any], path: Path, position: Any
    ) -> None:
        self.shown: list[Any] = []
        self.awaitable: list[int] = []
        self._executor = executor
        self._items = items
        self._about = about
        self._path = path
        self._position = position

    def show(self, passage: Passage) -> bool:
        """Shows rows while the passage is free. Returns whether the list is at its end."""
        try:
            while len(self.shown) < len(self._items):
                if not passage.is_free():
                    return False
                self._show_next()
        except Exception:
            # As graphql-core does: awaitable parts of other rows end in the background.
            others = [self.shown[index] for index in self.awaitable]
            others += [item for item in self._items[len(self.shown) :] if self._executor.is_awaitable(item)]
            if others:
                self._executor.settle_in_background(others)
            raise
        return True

    async def awaited(self) -> list[Any]:
        found = await gather_with_cancel(*(self.shown[index] for index in self.awaitable))
        for index, value in zip(self.awaitable, found, strict=True):
            self.shown[index] = value
        return self.shown

    def _show_next(self) -> None:
        index = len(self.shown)
        item, path = self._items[index], self._path.add_key(index, None)
        if self._executor.is_awaitable(item):
            item_type, fields, info = self._about
            completed: Awaitable[Any] = self._executor.complete_awaitable_list_item_value(
                item, item_type, fields, info, path, self._position
            )
            self.shown.append(completed)
            self.awaitable.append(index)
        elif self._executor.complete_list_item_value(item, self.shown, *self._about, path, self._position):
            self.awaitable.append(index)
