"""All claims that `make chaos` tries. Plain numbers: the claims of delivery. S and a number: faults that are injected."""

from __future__ import annotations

from tests.chaos import backlog, deaths, destinations, doors, limits, machine, poison
from tests.chaos.stand import Claim

SQLITE, POSTGRES = ("sqlite",), ("postgres",)

CLAIMS: tuple[Claim, ...] = (
    Claim("21+S22 clock an hour ahead", machine.clock_forward, quiet=True),
    Claim("21+S22 clock an hour back", machine.clock_back, quiet=True),
    Claim("12+S17 storm of 503", destinations.storm, quiet=True),
    Claim("S8 refused connections", destinations.refuses, quiet=True),
    Claim("19 rate over three workers", limits.rate, quiet=True),
    Claim("S26 tables locked", machine.locked, quiet=True),
    Claim("9 slow-loris", destinations.slow_loris, quiet=True),
    Claim("11+S16 Retry-After", destinations.retry_after, quiet=True),
    Claim("13 410", destinations.gone, quiet=True),
    Claim("18 coalesce", limits.coalesce, quiet=True),
    Claim("20 concurrency over three workers", limits.concurrency, quiet=True),
    Claim("23 forbidden addresses", doors.forbidden_addresses, quiet=True),
    Claim("24 signing secret replaced", doors.secret_replaced, quiet=True),
    Claim("S10+S11 answers too late or torn", destinations.answers_too_late, quiet=True),
    Claim("S15 torn connections", destinations.cut_lines, quiet=True),
    Claim("S25 database gone", deaths.database_gone, quiet=True, stores=POSTGRES),
    Claim("S34 wrong root key", machine.wrong_key, quiet=True),
    Claim("S35 flipped bit", machine.rotten_row, quiet=True),
    Claim("S38 migration killed", machine.migration_killed, quiet=True),
    Claim("1+17+S3+S4 kill -9 of workers", deaths.kills),
    Claim("2+S1+S2 killed while accepting", deaths.killed_while_accepting),
    Claim("3 killed after the answer", deaths.killed_after_the_answer),
    Claim("4+5 database restarts", deaths.database_restarts, stores=POSTGRES),
    Claim("6 asked to stop", deaths.asked_to_stop),
    Claim("7 frozen past its lease", deaths.frozen_past_its_lease),
    Claim("8+S9 one hangs", deaths.one_hangs),
    Claim("10 answers without end", destinations.endless),
    Claim("14 told a hundred times", deaths.told_a_hundred_times),
    Claim("15 replayed twice", deaths.replayed_twice),
    Claim("S36 an event kills its worker", poison.kills_its_worker),
    Claim("22+S29 disk full", machine.disk_full),
    Claim("25 long backlog, pinned snapshot", backlog.long_backlog),
    Claim("S30 failing syncs", machine.failing_syncs, stores=SQLITE),
    Claim("S31 no file handles", machine.no_handles),
)
ELSEWHERE: dict[str, str] = {
    "8+S9 latency of the others": "tests/simulator/test_neighbours.py in virtual time, bench/lanes.py in real time",
    "16 poison message": "tests/e2e/test_claims_poison.py on both stores",
    "17 orphaned waiters, far retries": "tests/contract/store/test_store_order.py on all stores; the simulator's worlds",
    "23+S19 DNS rebinding, failing DNS": "tests/contract/transport/test_http_connections.py: needs a resolver of its own",
    "25 an hour": "bench/horizon.py --minutes 60 --backlog 1000000; test_store_plans.py",
    "S6 power cut, media": "tests/contract/media/test_blobs_contract.py: file and directory are synced before it counts",
    "S7 key rotation killed": "tests/app/test_keys.py: killed at every write it goes on where it was",
    "S12 video to a slow target": "no delivery carries a recording yet",
    "S13 cut in mid-upload": "tests/app/test_media.py, tests/web/test_media_api.py: the part is sent again",
    "S14 byte corruption": "TLS finds it out: plain HTTP leaves this machine only where the egress guard is opened",
    "S15 lost packets": "torn connections stand for them; losing packets would change the machine's firewall",
    "S18 a target dead for days": "tests/app/test_lanes.py in 130 simulated hours",
    "S20 bad certificates": "tests/contract/transport/test_tls.py, both clients",
    "S21 tokens": "tests/contract/transport/test_token_calls.py: one refresh, events wait",
    "S23+S24 two schedulers, a late one": "tests/unit/timer/test_timer.py on shared roles; due times are rows",
    "S27+S28+S40 standby, split brain": "one database server is one site: no standby to fail over to yet",
    "S32 memory and 1,000 uploads": "bench/media.py; 10 measures the worker's memory",
    "S33 key provider away": "tests/app/test_key_safety.py: keys in memory serve for a while, then a clean no",
    "S35 rot in recordings and backups": "tests/app/test_media.py, tests/contract/backup/test_backups.py",
    "S37 rolling upgrade": "one version has been released: there is nothing to upgrade from yet",
    "S39 damaged backups": "tests/contract/backup/test_backups.py",
}
