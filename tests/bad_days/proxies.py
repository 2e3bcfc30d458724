"""The proxies, each configured by its best practice: a connect may take 500 ms and a try 1 s; a GET is tried up to
three times, at different backends; a POST is never sent again once a backend may have read it; backends are checked
where the proxy can check. weir: what a file has to say for that, and its defaults for all else."""
import asyncio
import dataclasses
import re
import signal
import subprocess

import backends
import network

LIMIT = 4  # requests under way at one backend, on the days on which limits are set


@dataclasses.dataclass
class Setting:
    """What a configuration is written for."""
    port: int
    backend_port: int
    admin_port: int
    folder: object
    limited: bool = False
    members: tuple = backends.NUMBERS
    generation: int = 0  # every second one has another time for a connect, so that no reload is without a change

    @property
    def connect_ms(self):
        return 500 + self.generation % 2

    def servers(self):
        return [f"{backends.address(number)}:{self.backend_port}" for number in self.members]


def weir_config(setting):
    limit = f"\n    concurrency: {LIMIT}" if setting.limited else ""
    return f"""
admin: {{ bind: {network.PROXY}:{setting.admin_port} }}
listeners:
  - bind: {network.PROXY}:{setting.port}
    protocol: http
    cluster: app
    retry: {{ on: [reset_before_response, timeout, gateway_error, "500"], per_try_timeout: 1s }}
clusters:
  - name: app
    backends: [{", ".join(setting.servers())}]
    timeouts: {{ connect: {setting.connect_ms}ms }}
    health_check: {{ type: http, path: /health }}
    outlier_detection: {{}}{limit}
"""


def haproxy_config(setting):
    limit = f" maxconn {LIMIT}" if setting.limited else ""
    servers = "\n".join(f"    server b{number} {server}" for number, server in zip(setting.members, setting.servers()))
    return f"""
global
    maxconn 8000
defaults
    mode http
    timeout client 60s
    timeout connect {setting.connect_ms}ms
    timeout server 1s
    timeout queue 1s
    retries 2
    retry-on all-retryable-errors
    option redispatch 1
    option abortonclose
frontend clients
    bind {network.PROXY}:{setting.port}
    default_backend app
backend app
    balance roundrobin
    http-reuse safe
    http-request disable-l7-retry if METH_POST
    option httpchk GET /health
    default-server check inter 2s fastinter 1s fall 3 rise 2 observe layer7 error-limit 10 on-error mark-down{limit}
{servers}
"""


def nginx_config(setting):
    limit = f" max_conns={LIMIT}" if setting.limited else ""
    servers = "\n".join(f"    server {server} max_fails=3 fail_timeout=10s{limit};" for server in setting.servers())
    return f"""
user root;  # also where no other user is mapped
worker_processes auto;
daemon off;
pid {setting.folder}/pid;
events {{ worker_connections 9000; }}
http {{
  access_log off;
  client_body_temp_path {setting.folder}/body;
  proxy_temp_path {setting.folder}/proxy;
  upstream app {{
    zone app 256k;
{servers}
    keepalive 64;
  }}
  server {{
    listen {network.PROXY}:{setting.port} backlog=4096;
    location / {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_connect_timeout {setting.connect_ms}ms;
      proxy_read_timeout 1s;
      proxy_next_upstream error timeout http_500 http_502 http_503 http_504;
      proxy_next_upstream_tries 3;
    }}
  }}
}}
"""


@dataclasses.dataclass
class Kind:
    config: object
    command: tuple  # {file}: its configuration
    reload: signal.Signals
    version: tuple


KINDS = {
    "weir": Kind(weir_config, ("weir", "run", "-c", "{file}"), signal.SIGHUP, ("weir", "--version")),
    "haproxy": Kind(haproxy_config, ("haproxy", "-W", "-f", "{file}"), signal.SIGUSR2, ("haproxy", "-v")),
    "nginx": Kind(nginx_config, ("nginx", "-c", "{file}", "-e", "{file}.log"), signal.SIGHUP, ("nginx", "-v")),
}


def program(words, weir):
    """`weir`: the path that stands for its name."""
    return [str(weir) if words[0] == "weir" else words[0], *words[1:]]


def version(name, weir):
    shown = subprocess.run(program(KINDS[name].version, weir), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return re.search(r"\d+\.\d[\w.+-]*", shown.stdout).group(0)


class Proxy:
    def __init__(self, name, weir, setting):
        self.kind = KINDS[name]
        self.setting = setting
        self.file = setting.folder / name
        self.words = [word.format(file=self.file) for word in program(self.kind.command, weir)]
        self.log = open(setting.folder / "log", "wb")
        self.process = None

    async def start(self):
        self.file.write_text(self.kind.config(self.setting))
        self.process = subprocess.Popen(self.words, stdout=self.log, stderr=self.log)
        for _ in range(1000):
            if await self.is_open():
                return
            if self.process.poll() is not None:
                break
        raise RuntimeError("the proxy has not started:\n" + (self.setting.folder / "log").read_text())

    async def is_open(self):
        try:
            _, writer = await asyncio.open_connection(network.PROXY, self.setting.port)
        except OSError:
            moment = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.02, moment.set_result, None)
            await moment
            return False
        writer.close()
        return True

    def reload(self, members=None):
        """With other members, or with another time for a connect only."""
        self.setting.members = members or self.setting.members
        self.setting.generation += 1
        self.file.write_text(self.kind.config(self.setting))
        self.process.send_signal(self.kind.reload)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.log.close()
