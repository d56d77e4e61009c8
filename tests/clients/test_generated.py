"""The generated part of the SDK fits the contract, every operation is there, and every example of the contract can be read."""

import inspect
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import knogin
from deploy.clients import __main__ as generating
from deploy.clients.contract import NOT_CALLED_BY_PROGRAMS, Contract, Operation, snake
from deploy.clients.python import PACKAGE, attribute
from knogin import models, problems
from knogin._model import Model, OneOf, convert, decode, encode
from knogin._paging import AsyncPages, Pages
from knogin._transport import Call
from tests.support.cases import cases

pytestmark = pytest.mark.full

ROOT = generating.ROOT
CONTRACT = Contract.read()
MOST_TRANSPORT_LINES = 600
MOST_WHEEL_BYTES = 300_000


class Recorder:
    """A client that keeps the calls and sends nothing."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def _call(self, call: Call) -> Any:
        self.calls.append(call)

    def _pages(self, call: Call) -> Any:
        self.calls.append(call)


def test_the_committed_files_are_those_of_the_contract() -> None:
    files = generating.generated()
    assert generating.committed() == set(files)
    different = [str(path.relative_to(ROOT)) for path, text in files.items() if path.read_text() != text]
    assert different == [], "run `make clients`"


def test_the_hand_written_transport_stays_small() -> None:
    lines = [
        line
        for name in ("_client.py", "_transport.py")
        for line in (ROOT / PACKAGE / name).read_text().splitlines()
        if line.strip() and not line.strip().startswith("#")
    ]
    assert len(lines) <= MOST_TRANSPORT_LINES


def test_each_operation_is_a_method_of_both_clients() -> None:
    with cases() as every:
        for operation in CONTRACT.operations:
            with every.case(operation.id):
                is_a_method_of_both_clients(operation)


def is_a_method_of_both_clients(operation: Operation) -> None:
    for client, pages in ((knogin.Knogin, Pages), (knogin.AsyncKnogin, AsyncPages)):
        resource = get_type_hints(getattr(client, attribute(operation.tag)).func)["return"]
        method = getattr(resource, snake(operation.id))
        hints = get_type_hints(method, {**vars(inspect.getmodule(method)), "models": models})
        assert (getattr(hints["return"], "__origin__", None) is pages) == (operation.page is not None)
        assert (method.__doc__ or "").startswith(operation.summary)

    recorder = Recorder()
    resource = get_type_hints(getattr(knogin.Knogin, attribute(operation.tag)).func)["return"](recorder)
    method = getattr(resource, snake(operation.id))
    given = {name: name for name, one in inspect.signature(method).parameters.items() if one.default is one.empty}
    method(**given)
    (call,) = recorder.calls
    path = call.operation.path.format(*(f"{{{value}}}" for value in call.path))
    assert (call.operation.id, call.operation.method, path) == (operation.id, operation.method, operation.path)
    assert call.operation.keyed == operation.is_keyed
    named = {*call.query, *call.headers}
    assert named == {one.name for one in operation.parameters if one.place != "path"}
    assert (call.body is not None) == (operation.body is not None and operation.body.required)
    assert set(call.operation.answers) == {answer.status for answer in operation.answers}


def test_every_operation_that_a_program_can_call_is_there() -> None:
    named = {one["operationId"] for path in CONTRACT.document["paths"].values() for one in path.values()}
    assert {operation.id for operation in CONTRACT.operations} == named - NOT_CALLED_BY_PROGRAMS
    assert named >= NOT_CALLED_BY_PROGRAMS


def examples() -> list[tuple[str, int, Any]]:
    """Each example of a JSON answer, with its operation and status."""
    found: list[tuple[str, int, Any]] = []
    for path in CONTRACT.document["paths"].values():
        for entry in path.values():
            for status, answer in entry["responses"].items():
                content = answer.get("content", {}).get("application/json", {})
                values = [content["example"]] if "example" in content else []
                values += [one["value"] for one in content.get("examples", {}).values()]
                found += [(entry["operationId"], int(status), value) for value in values if status.startswith("2")]
    return found


def test_examples_are_read_and_written_back() -> None:
    with cases() as every:
        for name, status, example in examples():
            with every.case(f"{name} {status}"):
                is_read_and_written_back(name, status, example)


def is_read_and_written_back(name: str, status: int, example: Any) -> None:
    operation = next((one for one in CONTRACT.operations if one.id == name), None)
    if operation is None:
        assert name in NOT_CALLED_BY_PROGRAMS
        return
    module = vars(inspect.getmodule(getattr(knogin.Knogin, attribute(operation.tag)).func(Recorder())))
    kind = module[f"_{snake(name).upper()}"].answers[status]
    read = decode(json.dumps(example).encode(), kind)
    assert same(json.loads(encode(read)), example), (read, example)


def same(written: Any, example: Any) -> bool:
    """Whether `written` has all of the example; members that are left out may come back as null, a time in another form."""
    if isinstance(example, dict):
        return all(name in written and same(written[name], value) for name, value in example.items())
    if isinstance(example, list):
        return len(written) == len(example) and all(map(same, written, example))
    if isinstance(example, str) and isinstance(written, str):
        return written.rstrip("Z")[:19] == example.rstrip("Z")[:19]
    return written == example


def test_answers_of_a_later_contract_are_read() -> None:
    (example,) = [value for name, _, value in examples() if name == "getDevice"]
    device = convert(example | {"device_class": "of_next_year", "more": {"x": 1}}, models.devices.Device)
    assert device.device_class == "of_next_year"
    run = {"kind": "of_next_year", "more": 1}
    automation = next(value for name, _, value in examples() if name == "getAutomation")
    read = convert(automation | {"action": run}, models.platform.Automation)
    assert read.action == run
    assert isinstance(convert(automation, models.platform.Automation).action, Model)
    assert json.loads(encode(read))["action"] == run


def test_a_member_left_out_and_one_that_is_null_differ_in_what_is_sent() -> None:
    change = models.devices.DeviceChange(vehicle_id=None)
    assert encode(change) == b'{"vehicle_id":null}'
    assert repr(change) == "DeviceChange(vehicle_id=None)"
    lent = models.platform.Filter(pointer="/vehicle_id", in_=["AMB-1"])
    assert encode(lent) == b'{"pointer":"/vehicle_id","in":["AMB-1"]}'


def test_every_problem_of_the_catalogue_has_a_class_below_its_status() -> None:
    for kind, error in problems.TYPES.items():
        status = int(kind.split()[0])
        assert problems.class_of(*(status, kind.split()[1])) is error
        assert issubclass(error, problems.STATUSES[status])
    assert problems.class_of(418, "teapot") is knogin.APIError
    assert problems.class_of(507, "") is problems.ServerError


def test_unions_choose_the_member_by_its_members() -> None:
    class Either(OneOf):
        members = {"0": models.apps.GovernanceChanged, "1": models.apps.GovernanceTried}  # noqa: RUF012

    tried = {"dry_run": True, "would_refuse": 1, "by_reason": {"scope": 1}}
    assert isinstance(convert(tried, Either), models.apps.GovernanceTried)
    assert convert({"neither": 1}, Either) == {"neither": 1}
    assert convert([1], Either) == [1]


def test_the_wheel_is_small_typed_and_whole(tmp_path: Path) -> None:
    build = "import sys; from flit_core import buildapi; print(buildapi.build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)],
        cwd=ROOT / "clients" / "python",
        capture_output=True,
        text=True,
        check=True,
    )
    wheel = tmp_path / built.stdout.strip().splitlines()[-1]
    assert wheel.stat().st_size <= MOST_WHEEL_BYTES
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        metadata = packed.read(f"knogin-{knogin.VERSION}.dist-info/METADATA").decode()
        packed.extractall(tmp_path / "installed")
    package = ROOT / PACKAGE
    sources = {str(path.relative_to(package.parent)) for path in package.rglob("*.py")} | {"knogin/py.typed"}
    assert sources <= names
    assert "Requires-Python: >=3.11" in metadata
    assert "# Knogin for Python" in metadata
    seen = "import knogin, pathlib; print(pathlib.Path(knogin.__file__).parts[-3])"
    found = subprocess.run(
        [sys.executable, "-c", seen],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "installed"
