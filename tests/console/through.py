"""A person at the console of a whole stack, without a browser: signs in at auth by its forms, and keeps the cookies of each host."""

import html
import re
from typing import Any
from urllib.parse import urlsplit

import httpx2
from pyotp.totp import TOTP

from tests.support.plain import PLAIN
from tests.support.stack import Stack

_HIDDEN = re.compile(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">')
_LINK = re.compile(r'href="(/[^"#]*)"')


class Signed:
    """`get` and `post` are requests to the console. `second_factor` is the secret of the person's authenticator."""

    def __init__(self, stack: Stack, email: str = "", password: str = "", second_factor: str = "") -> None:
        described = stack.described
        self.hosts = {name: f"{host}:{stack.port}" for name, host in described["hosts"].items()}
        self.origin = f"http://{self.hosts['console']}"
        self._http = httpx2.Client(base_url=described["gateway"], timeout=60, trust_env=False, verify=PLAIN)
        self._cookies: dict[str, dict[str, str]] = {}
        self.given: list[str] = []
        """Each `Set-Cookie` that came."""
        self._sign_in(email or stack.tenant.email, password or stack.tenant.password, second_factor)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self._send("console", "GET", path, headers=headers)

    def post(self, path: str, form: dict[str, Any]) -> httpx2.Response:
        token = self.get("/").text.partition('name="csrf" value="')[2].partition('"')[0]
        headers = {"origin": self.origin, "sec-fetch-site": "same-origin"}
        return self._send("console", "POST", path, data={"csrf": token} | form, headers=headers)

    def follow(self, path: str) -> tuple[str, httpx2.Response]:
        """The page that an address of the console leads to, and its host."""
        return self._follow("console", self.get(path))

    def links(self, path: str) -> list[str]:
        """The addresses of the console that a page leads to."""
        page = self.get(path)
        return [html.unescape(link) for link in _LINK.findall(page.text)] if page.status_code == 200 else []

    def withdraw(self) -> None:
        """Takes the access of every app back, at auth."""
        page = self._send("auth", "GET", "/v1/auth/sessions").text
        csrf = dict(_HIDDEN.findall(page))["csrf"]
        for client_id in re.findall(r'name="withdraw" value="([^"]+)"', page):
            self._send("auth", "POST", "/v1/auth/sessions", data={"csrf": csrf, "withdraw": client_id})

    def _send(self, host: str, method: str, path: str, **options: Any) -> httpx2.Response:
        jar = self._cookies.setdefault(host, {})
        headers = {"host": self.hosts[host], "accept-language": "en"} | options.pop("headers", {})
        if jar:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        answer = self._http.request(method, path, headers=headers, **options)
        self._http.cookies.clear()  # they are of hosts that this client does not know
        for line in answer.headers.get_list("set-cookie"):
            self.given.append(line)
            name, _, value = line.partition(";")[0].partition("=")
            jar[name] = value
        return answer

    def _follow(self, host: str, answer: httpx2.Response) -> tuple[str, httpx2.Response]:
        """The page that redirects lead to, and its host."""
        for _ in range(10):
            if answer.status_code not in (302, 303):
                return host, answer
            parts = urlsplit(answer.headers["location"])
            if parts.netloc:
                host = next(name for name, netloc in self.hosts.items() if netloc == parts.netloc)
            answer = self._send(host, "GET", parts.path + (f"?{parts.query}" if parts.query else ""))
        raise AssertionError("redirects without end")

    def _sign_in(self, email: str, password: str, second_factor: str) -> None:
        host, page = self._follow("console", self._send("console", "GET", "/sign-in"))
        assert host == "auth", page.text
        fields = {name: html.unescape(value) for name, value in _HIDDEN.findall(page.text)}
        answer = self._send("auth", "POST", "/v1/auth/sign-in", data=fields | {"email": email, "password": password})
        if second_factor:
            form = answer.text.partition("</form>")[0]
            fields = {name: html.unescape(value) for name, value in _HIDDEN.findall(form)}
            fields["code"] = TOTP(second_factor).now()
            answer = self._send("auth", "POST", "/v1/auth/second-factor", data=fields)
        host, page = self._follow("auth", answer)
        assert (host, page.status_code) == ("console", 200), page.text
