"""Settings: read once from the environment, at the entrance, and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hub.domain.border import is_region
from hub.domain.errors import Invalid
from hub.domain.limits import Limit, Rate
from hub.domain.links import Link, database_link, is_here
from hub.domain.retention import Keep


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """One variable: its default as written in the environment and what it is for."""

    name: str
    default: str
    help: str


SETTINGS: tuple[SettingDoc, ...] = (
    SettingDoc("HIREWIRE_HOME", ".hirewire", "Folder for the database file, the keyring and media; made with mode 0700."),
    SettingDoc("HIREWIRE_DATABASE", "sqlite:///<home>/hirewire.db", "`sqlite:///path` or `postgresql://user@host/name`; "
               "on another machine with `?sslmode=verify-full`, in production at least `require`."),
    SettingDoc("HIREWIRE_LISTEN", "127.0.0.1:8080", "Address and port of the API."),
    SettingDoc("HIREWIRE_SERVES", "all", "`all`: the whole API. `vendors`: only what vendors call (webhooks, partner calls) and "
               "health; for a second `serve` on an address of its own."),
    SettingDoc("HIREWIRE_TLS_CERT", "", "Certificate chain (PEM): the API speaks TLS instead of HTTP, "
               "and so does `work`'s /metrics."),
    SettingDoc("HIREWIRE_TLS_KEY", "", "Its private key (PEM), readable by nobody else."),
    SettingDoc("HIREWIRE_TLS_MINIMUM", "1.3", "Oldest TLS version that is spoken: `1.3` or `1.2`."),
    SettingDoc("HIREWIRE_TLS_CLIENT_CA", "", "Authorities (PEM): who has no certificate of theirs cannot connect (mutual TLS)."),
    SettingDoc("HIREWIRE_TLS_CLIENT_CRL", "", "The authority's list of revoked client certificates (PEM); a new one is "
               "in force within seconds."),
    SettingDoc("HIREWIRE_TLS_CRL_GRACE", "72", "Hours that a list which is over stays in force; then nobody is let in."),
    SettingDoc("HIREWIRE_HEADER_TIMEOUT", "5", "Seconds in which the head of a call must have arrived, and that "
               "an idle connection is kept."),
    SettingDoc("HIREWIRE_BODY_TIMEOUT", "20", "Seconds in which the body of a call must have arrived as a whole."),
    SettingDoc("HIREWIRE_LIMIT_TOKEN", "300000/60", "Calls of one API token: `count/seconds`, over all processes; "
               "`off`: no limit."),
    SettingDoc("HIREWIRE_LIMIT_TENANT", "off", "Calls of all tokens of one tenant together."),
    SettingDoc("HIREWIRE_LIMIT_HOOK", "12000/60", "Webhooks and partner calls to one connection."),
    SettingDoc("HIREWIRE_LIMIT_STRANGER", "1000/60", "Calls without a valid token or signature from one address "
               "(IPv6: one /64)."),
    SettingDoc("HIREWIRE_PUBLIC_URL", "http(s)://<listen>", "How vendors reach the API; used in webhook addresses."),
    SettingDoc("HIREWIRE_LOOPS", "embedded", "`embedded`: `serve` also delivers. `none`: only `work` delivers."),
    SettingDoc("HIREWIRE_EGRESS", "public", "`public`: HTTPS to public addresses only. `loopback`: also plain HTTP and SMTP "
               "to this machine, for twins and demos."),
    SettingDoc("HIREWIRE_EGRESS_PORTS", "443", "Ports that deliveries may go to, comma-separated."),
    SettingDoc("HIREWIRE_CA_FILE", "", "An extra CA bundle (PEM) to trust; verification cannot be switched off."),
    SettingDoc("HIREWIRE_HTTP_CLIENT", "httptools", "HTTP client of deliveries: `httptools` or `aiohttp`, the slower one."),
    SettingDoc("HIREWIRE_KEYRING", "<home>/keyring.json", "File with the root keys, mode 0600; made at first start."),
    SettingDoc("HIREWIRE_ROOT_KEY", "", "Root key as 64 hex digits instead of the file; refused in production."),
    SettingDoc("HIREWIRE_KEY_PROVIDER", "file", "Where root keys live: `file`, `env` (HIREWIRE_ROOT_KEY; its default where "
               "that is set), `vault` (HashiCorp Vault or OpenBao, transit engine), `aws-kms` (needs the extra `aws`)."),
    SettingDoc("HIREWIRE_KEY_CACHE", "600", "Seconds that keys in memory serve while their provider is away."),
    SettingDoc("HIREWIRE_VAULT_ADDR", "", "Vault's address, e.g. `https://vault.example:8200`."),
    SettingDoc("HIREWIRE_VAULT_KEY", "transit/hirewire", "Mount and name of the transit key."),
    SettingDoc("HIREWIRE_VAULT_TOKEN_FILE", "", "File with Vault's token; read at every call, so that an agent may renew it."),
    SettingDoc("HIREWIRE_VAULT_NAMESPACE", "", "Vault's namespace, where it has them."),
    SettingDoc("HIREWIRE_KMS_KEYS", "", "ARNs of KMS keys, comma-separated, the one that wraps first."),
    SettingDoc("HIREWIRE_KMS_ENDPOINT", "", "Another address of the KMS API; empty: AWS by the key's region."),
    SettingDoc("HIREWIRE_MEDIA", "<home>/media", "Where recordings lie: a directory, or `s3://bucket/prefix`."),
    SettingDoc("HIREWIRE_MEDIA_COPY", "", "A second such place with a copy of all, from which rot is repaired."),
    SettingDoc("HIREWIRE_MEDIA_ENDPOINT", "", "Address of an S3-compatible service; empty: AWS."),
    SettingDoc("HIREWIRE_SCANNER", "", "Malware scanner that judges files before they can be used, by clamd's protocol: "
               "`tcp://host:3310` or `unix:///run/clamav/clamd.ctl`. Empty: none, files are not judged."),
    SettingDoc("HIREWIRE_PRODUCTION", "0", "`1` refuses settings that are only fit for development."),
    SettingDoc("HIREWIRE_RETRY_DELAYS", "5,30,120,600,1800,3600,7200,14400,28800,43200,86400,86400",
               "Seconds to wait after each failed try; one more failure after the last is dead."),
    SettingDoc("HIREWIRE_LEASE", "60", "Seconds after which the work of a dead worker is taken over."),
    SettingDoc("HIREWIRE_IN_FLIGHT", "400", "Deliveries one process may have under way: the bound on duplicates after a crash. "
               "One lane has at most half of them."),
    SettingDoc("HIREWIRE_BACKLOG", "5000000", "Live deliveries, held ones included, above which nothing more is accepted "
               "(503, try later); `0`: no bound."),
    SettingDoc("HIREWIRE_TENANT_BACKLOG", "0", "The same for each tenant by itself."),
    SettingDoc("HIREWIRE_FREE_DISK", "100", "Megabytes on the database's disk below which nothing more is accepted; SQLite only; "
               "`0`: no bound."),
    SettingDoc("HIREWIRE_RETENTION_DAYS", Keep().written(), "Days each kind of record is kept, `0` for good; what is not named "
               "keeps its default, `tag_changes` the days of events. Never removed: what a live or held delivery, a run under "
               "way or a dead letter within its days needs."),
    SettingDoc("HIREWIRE_HOME_REGION", "", "The jurisdiction that this hub is in, a label such as `cn`. Connections whose `lane` "
               "says another `region`, or none, are abroad: who is sent there is counted. Empty: nothing is abroad."),
    SettingDoc("HIREWIRE_RULE_REVIEW", "off", "`required`: a rule comes into force only when it was tried on past "
               "events and approved by somebody who did not write it. `off`: who may write rules may put them in force."),
    SettingDoc("HIREWIRE_AUDIT_DAYS", "1095", "Days that acts stay in the audit trail; less than 180 is refused."),
    SettingDoc("HIREWIRE_AUDIT_HEADS", "<home>/audit", "Folder or `s3://bucket/prefix` for the signed ends of the audit trail. "
               "Several hosts: a place that all reach. Best one that whoever may write in the database may not rewrite."),
    SettingDoc("HIREWIRE_AUDIT_WEBHOOK", "", "Address to which every signed end of the audit trail is posted too, until it is "
               "taken: a second place, in other hands."),
    SettingDoc("HIREWIRE_AUDIT_WEBHOOK_SECRET", "", "Secret by which those posts are signed (Standard Webhooks, `whsec_...`)."),
    SettingDoc("HIREWIRE_BACKUP_TO", "", "Folder or `s3://bucket/prefix` for daily backups, each restored and "
               "compared at once; empty: none."),
    SettingDoc("HIREWIRE_BACKUP_KEYS_TO", "<backup to>", "Another place for the wrapped keys of backups, best with "
               "other credentials."),
    SettingDoc("HIREWIRE_BACKUP_RECIPIENTS", "", "Public keys that backups are sealed to, comma-separated; "
               "`hirewire backup keygen` makes one. Their secrets do not belong on this machine."),
    SettingDoc("HIREWIRE_BACKUP_KEEP_DAYS", "35", "Days that backups are kept, 35 at most: so long may a backup "
               "still open what was erased."),
    SettingDoc("HIREWIRE_BACKUP_SHIP", "10", "Seconds between shipments of SQLite's log to the place of backups: a "
               "restore reaches any of them; `0`: none."),
    SettingDoc("HIREWIRE_BACKUP_SCRATCH", "", "PostgreSQL server to restore backups into for the daily check, as the "
               "address of a database there; its role may create databases. Empty: the database's own server."),
    SettingDoc("HIREWIRE_SESSION_IDLE", "900", "Seconds after which an unused session ends; administrators: at most 600."),
    SettingDoc("HIREWIRE_SESSION_LIFE", "28800", "Seconds after which every session ends."),
    SettingDoc("HIREWIRE_SEPARATION", "off", "`required`: system, security and audit administrator are three people who do "
               "nothing else. `off`: one person may have several roles."),
    SettingDoc("HIREWIRE_PASSWORD_DAYS", "0", "Days after which a password must be changed; 0: never."),
    SettingDoc("HIREWIRE_UNUSED_DAYS", "90", "Days after which an account that nobody used is disabled; never the last one "
               "that may grant roles. 0: never."),
    SettingDoc("HIREWIRE_METRICS_LISTEN", "", "Address and port of `work`'s own /metrics (loopback advised); empty: none."),
    SettingDoc("HIREWIRE_TRACES", "", "OTLP/HTTP collector for traces, e.g. `http://127.0.0.1:4318` (needs the extra `otel`)."),
    SettingDoc("HIREWIRE_TRACES_RATIO", "1", "Share of events that are traced, 0 to 1; all processes choose the same ones."),
    SettingDoc("HIREWIRE_LOG_FORMAT", "json", "`json` or `text`."),
    SettingDoc("HIREWIRE_LOG_LEVEL", "info", "`debug`, `info`, `warning` or `error`."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tls:
    """What the listeners of this process prove themselves with, and whom they let in."""

    certificate: Path
    key: Path
    minimum: str = "1.3"
    client_ca: Path | None = None
    client_crl: Path | None = None
    crl_grace_h: float = 72.0


@dataclass(frozen=True, slots=True)
class Settings:
    """See SETTINGS for what each one is for."""

    home: Path
    database: str
    host: str
    port: int
    public_url: str
    embedded_loops: bool
    egress_loopback: bool
    egress_ports: tuple[int, ...]
    ca_file: Path | None
    http_client: str
    keyring: Path
    root_key: str | None
    production: bool
    retry_delays: tuple[float, ...]
    lease_s: float
    in_flight: int
    backlog: int
    tenant_backlog: int
    free_disk: int
    keep: Keep
    rule_review: bool
    audit_days: int
    audit_heads: str
    backup_to: str | None
    backup_keys_to: str | None
    backup_recipients: tuple[str, ...]
    backup_keep_days: int
    backup_scratch: str | None
    backup_ship_s: float
    session_idle_s: float
    session_life_s: float
    separation: bool
    password_days: int
    unused_days: int
    metrics_listen: tuple[str, int] | None
    log_format: str
    log_level: str
    media: str = "media"
    media_copy: str | None = None
    media_endpoint: str | None = None
    audit_webhook: str | None = None
    audit_webhook_secret: str = field(default="", repr=False)
    scanner: str | None = None
    key_provider: str = "file"
    key_cache_s: float = 600.0
    vault_address: str | None = None
    vault_key: str = "transit/hirewire"
    vault_token_file: Path | None = None
    vault_namespace: str | None = None
    kms_keys: tuple[str, ...] = ()
    kms_endpoint: str | None = None
    traces: str | None = None
    traces_ratio: float = 1.0
    body_s: float = 20.0
    header_s: float = 5.0
    tls: Tls | None = None
    vendors_only: bool = False
    rates: Mapping[Limit, Rate] = field(default_factory=dict)
    home_region: str | None = None

    @property
    def https(self) -> bool:
        """Whether callers reach the API over TLS, ours or that of a proxy in front."""
        return self.tls is not None or self.public_url.startswith("https://")

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Raises Invalid, `at` = the variable. Unknown HIREWIRE_ variables are refused: a typo must not pass."""
        known = {doc.name for doc in SETTINGS}
        for name in environ:
            if name.startswith("HIREWIRE_") and name not in known and not name.startswith("HIREWIRE_TEST_"):
                raise Invalid(f"there is no setting {name}", code="unknown_setting", at=name)
        get = _Reader(environ)
        home = Path(get.text("HIREWIRE_HOME") or ".hirewire").absolute()
        host, port = get.address("HIREWIRE_LISTEN", "127.0.0.1:8080")
        production = get.choice("HIREWIRE_PRODUCTION", ("0", "1")) == "1"
        database = get.text("HIREWIRE_DATABASE") or f"sqlite:///{home / 'hirewire.db'}"
        if production and database_link(database) is Link.OPEN:
            raise Invalid(
                "the way to the database may be plain; let its address end in ?sslmode=verify-full",
                code="not_for_production", at="HIREWIRE_DATABASE",
            )  # fmt: skip
        loopback = get.choice("HIREWIRE_EGRESS", ("public", "loopback")) == "loopback"
        root_key = get.text("HIREWIRE_ROOT_KEY") or None
        if production and (loopback or root_key):
            bad = "HIREWIRE_EGRESS" if loopback else "HIREWIRE_ROOT_KEY"
            raise Invalid(
                f"{bad} is for development; HIREWIRE_PRODUCTION=1 refuses it", code="not_for_production", at=bad
            )
        ca_file, token_file = get.text("HIREWIRE_CA_FILE"), get.text("HIREWIRE_VAULT_TOKEN_FILE")
        provider = "env" if root_key and not get.text("HIREWIRE_KEY_PROVIDER") else None
        tls = get.tls()
        public_url = get.text("HIREWIRE_PUBLIC_URL") or f"{'https' if tls else 'http'}://{host}:{port}"
        if production and tls is None and not public_url.startswith("https://") and not is_here(host):
            raise Invalid(
                "plain HTTP beyond this machine; set a certificate, or HIREWIRE_PUBLIC_URL to the https:// of a proxy",
                code="not_for_production", at="HIREWIRE_TLS_CERT",
            )  # fmt: skip
        return cls(
            home=home,
            database=database,
            host=host,
            port=port,
            public_url=public_url.rstrip("/"),
            embedded_loops=get.choice("HIREWIRE_LOOPS", ("embedded", "none")) == "embedded",
            egress_loopback=loopback,
            egress_ports=tuple(int(n) for n in get.numbers("HIREWIRE_EGRESS_PORTS", "443", 1, 65535)),
            ca_file=Path(ca_file) if ca_file else None,
            http_client=get.choice("HIREWIRE_HTTP_CLIENT", ("httptools", "aiohttp")),
            keyring=Path(get.text("HIREWIRE_KEYRING") or home / "keyring.json"),
            root_key=root_key,
            production=production,
            retry_delays=get.numbers("HIREWIRE_RETRY_DELAYS", get.default("HIREWIRE_RETRY_DELAYS"), 0.01, 2_592_000),
            lease_s=get.numbers("HIREWIRE_LEASE", "60", 1, 3600)[0],
            in_flight=int(get.numbers("HIREWIRE_IN_FLIGHT", "400", 1, 10_000)[0]),
            backlog=int(get.numbers("HIREWIRE_BACKLOG", get.default("HIREWIRE_BACKLOG"), 0, 1e12)[0]),
            tenant_backlog=int(get.numbers("HIREWIRE_TENANT_BACKLOG", "0", 0, 1e12)[0]),
            free_disk=int(get.numbers("HIREWIRE_FREE_DISK", get.default("HIREWIRE_FREE_DISK"), 0, 1e9)[0] * 1e6),
            keep=get.keep("HIREWIRE_RETENTION_DAYS"),
            rule_review=get.choice("HIREWIRE_RULE_REVIEW", ("off", "required")) == "required",
            audit_days=int(get.numbers("HIREWIRE_AUDIT_DAYS", "1095", 180, 36_500)[0]),
            audit_heads=get.text("HIREWIRE_AUDIT_HEADS") or str(home / "audit"),
            backup_to=get.text("HIREWIRE_BACKUP_TO") or None,
            backup_keys_to=get.text("HIREWIRE_BACKUP_KEYS_TO") or get.text("HIREWIRE_BACKUP_TO") or None,
            backup_recipients=get.recipients(),
            backup_keep_days=int(get.numbers("HIREWIRE_BACKUP_KEEP_DAYS", "35", 1, 35)[0]),
            backup_ship_s=get.numbers("HIREWIRE_BACKUP_SHIP", "10", 0, 3600)[0],
            backup_scratch=get.text("HIREWIRE_BACKUP_SCRATCH") or None,
            session_idle_s=get.numbers("HIREWIRE_SESSION_IDLE", "900", 60, 86_400)[0],
            session_life_s=get.numbers("HIREWIRE_SESSION_LIFE", "28800", 300, 604_800)[0],
            separation=get.choice("HIREWIRE_SEPARATION", ("off", "required")) == "required",
            password_days=int(get.numbers("HIREWIRE_PASSWORD_DAYS", "0", 0, 3650)[0]),
            unused_days=int(get.numbers("HIREWIRE_UNUSED_DAYS", "90", 0, 3650)[0]),
            metrics_listen=get.address("HIREWIRE_METRICS_LISTEN", "") if get.text("HIREWIRE_METRICS_LISTEN") else None,
            log_format=get.choice("HIREWIRE_LOG_FORMAT", ("json", "text")),
            log_level=get.choice("HIREWIRE_LOG_LEVEL", ("info", "debug", "warning", "error")),
            media=get.text("HIREWIRE_MEDIA") or str(home / "media"),
            media_copy=get.text("HIREWIRE_MEDIA_COPY") or None,
            audit_webhook=get.url("HIREWIRE_AUDIT_WEBHOOK"),
            audit_webhook_secret=get.text("HIREWIRE_AUDIT_WEBHOOK_SECRET") or "",
            media_endpoint=get.url("HIREWIRE_MEDIA_ENDPOINT"),
            scanner=get.scanner("HIREWIRE_SCANNER"),
            key_provider=provider or get.choice("HIREWIRE_KEY_PROVIDER", ("file", "env", "vault", "aws-kms")),
            key_cache_s=get.numbers("HIREWIRE_KEY_CACHE", "600", 10, 86_400)[0],
            vault_address=get.url("HIREWIRE_VAULT_ADDR"),
            vault_key=get.text("HIREWIRE_VAULT_KEY") or get.default("HIREWIRE_VAULT_KEY"),
            vault_token_file=Path(token_file) if token_file else None,
            vault_namespace=get.text("HIREWIRE_VAULT_NAMESPACE") or None,
            kms_keys=tuple(one.strip() for one in get.text("HIREWIRE_KMS_KEYS").split(",") if one.strip()),
            kms_endpoint=get.url("HIREWIRE_KMS_ENDPOINT"),
            traces=get.url("HIREWIRE_TRACES"),
            traces_ratio=get.numbers("HIREWIRE_TRACES_RATIO", "1", 0, 1)[0],
            body_s=get.numbers("HIREWIRE_BODY_TIMEOUT", "20", 0.1, 3600)[0],
            header_s=get.numbers("HIREWIRE_HEADER_TIMEOUT", "5", 0.1, 600)[0],
            tls=tls,
            rates={limit: rate for limit in Limit if (rate := get.rate(f"HIREWIRE_LIMIT_{limit.upper()}"))},
            home_region=get.region("HIREWIRE_HOME_REGION"),
            vendors_only=get.choice("HIREWIRE_SERVES", ("all", "vendors")) == "vendors",
        )


@dataclass(frozen=True, slots=True)
class _Reader:
    environ: Mapping[str, str]

    def text(self, name: str) -> str:
        return self.environ.get(name, "").strip()

    def default(self, name: str) -> str:
        return next(doc.default for doc in SETTINGS if doc.name == name)

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name) or self.default(name)
        if value not in allowed:
            raise Invalid(f"{name} is one of {', '.join(allowed)}", code="bad_setting", at=name)
        return value

    def numbers(self, name: str, default: str, low: float, high: float) -> tuple[float, ...]:
        try:
            found = tuple(float(part) for part in (self.text(name) or default).split(","))
        except ValueError as error:
            raise Invalid(f"{name} is a comma-separated list of numbers", code="bad_setting", at=name) from error
        if not found or len(found) > 100 or any(not low <= n <= high for n in found):
            raise Invalid(f"{name} holds numbers from {low:g} to {high:g}", code="bad_setting", at=name)
        return found

    def keep(self, name: str) -> Keep:
        try:
            return Keep.read(self.text(name))
        except Invalid as error:
            raise Invalid(str(error), code=error.code, at=name) from error

    def recipients(self) -> tuple[str, ...]:
        """Whether they are keys is looked at where they are used."""
        name = "HIREWIRE_BACKUP_RECIPIENTS"
        found = tuple(one.strip() for one in self.text(name).split(",") if one.strip())
        if self.text("HIREWIRE_BACKUP_TO") and not found:
            raise Invalid(
                "backups are sealed to a key: `hirewire backup keygen` makes one", code="bad_setting", at=name
            )
        return found

    def url(self, name: str) -> str | None:
        value = self.text(name)
        if value and not value.startswith(("http://", "https://")):
            raise Invalid(f"{name} begins with http:// or https://", code="bad_setting", at=name)
        return value or None

    def scanner(self, name: str) -> str | None:
        value = self.text(name)
        if value and not value.startswith(("tcp://", "unix:///")):
            raise Invalid(f"{name} begins with tcp:// or unix:///", code="bad_setting", at=name)
        return value or None

    def region(self, name: str) -> str | None:
        value = self.text(name)
        if value and not is_region(value):
            raise Invalid(f"{name} is a label such as cn, us or eu", code="bad_setting", at=name)
        return value or None

    def rate(self, name: str) -> Rate | None:
        text = self.text(name) or self.default(name)
        if text == "off":
            return None
        count, slash, seconds = text.partition("/")
        if slash and count.isascii() and seconds.isascii() and count.isdigit() and seconds.isdigit():
            rate = Rate(int(count[:10]), float(seconds[:6]))
            if 1 <= rate.count <= 1_000_000_000 and 1 <= rate.seconds <= 86_400:
                return rate
        raise Invalid(f"{name} is count/seconds, such as 600/60, or off", code="bad_setting", at=name)

    def tls(self) -> Tls | None:
        paths = {}
        for name in ("CERT", "KEY", "CLIENT_CA", "CLIENT_CRL"):
            if text := self.text(f"HIREWIRE_TLS_{name}"):
                paths[name] = Path(text)
        minimum = self.choice("HIREWIRE_TLS_MINIMUM", ("1.3", "1.2"))
        if not paths:
            return None
        for name in ("CERT", "KEY"):
            if name not in paths:
                raise Invalid(f"TLS needs HIREWIRE_TLS_{name}", code="bad_setting", at=f"HIREWIRE_TLS_{name}")
        if "CLIENT_CRL" in paths and "CLIENT_CA" not in paths:
            where = "HIREWIRE_TLS_CLIENT_CRL"
            raise Invalid(f"{where} goes with HIREWIRE_TLS_CLIENT_CA", code="bad_setting", at=where)
        grace = self.numbers("HIREWIRE_TLS_CRL_GRACE", "72", 0, 8784)[0]
        return Tls(paths["CERT"], paths["KEY"], minimum, paths.get("CLIENT_CA"), paths.get("CLIENT_CRL"), grace)

    def address(self, name: str, default: str) -> tuple[str, int]:
        host, colon, port = (self.text(name) or default).rpartition(":")
        if not colon or not host or not port.isdigit() or int(port) > 65535:
            raise Invalid(f"{name} is host:port", code="bad_setting", at=name)
        return host.strip("[]"), int(port)
