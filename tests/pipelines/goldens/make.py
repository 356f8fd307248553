#!/usr/bin/env python3
"""Makes the inputs and the answers of the goldens without any code of Millrace. Usage: make.py (in any folder)."""
import datetime as dt
import json
import math
import os
import random
import re

HERE = os.path.dirname(os.path.abspath(__file__))
UTC = dt.timezone.utc


def write(path, lines):
    path = os.path.join(HERE, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as fh:
        fh.write("".join(line + "\n" for line in lines))



def stamp(seconds):
    return dt.datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def hourly_temperature():
    """A sensor every 5 minutes: mean, min, max and count of each hour."""
    rand = random.Random(1)
    start = dt.datetime(2014, 1, 7, 21, 15, tzinfo=UTC)
    rows, hours = [], {}
    for i in range(700):
        at = start + dt.timedelta(minutes=5 * i)
        value = round(80 + 15 * math.sin(i / 40) + rand.gauss(0, 2), 8)
        rows.append(f"{at:%Y-%m-%d %H:%M:%S},{value!r}")
        hours.setdefault(int(at.timestamp()) // 3600 * 3600, []).append(value)
    write("hourly_temperature/input.csv", ["timestamp,value"] + rows)
    out = ["window_start,window_end,mean,min,max,n"]
    for hour, values in hours.items():
        total = 0.0
        for value in values:
            total += value
        out.append(f"{stamp(hour)},{stamp(hour + 3600)},{total / len(values)!r},{min(values)!r},{max(values)!r},{len(values)}")
    write("hourly_temperature/expected/hourly.csv", out)


def access_per_minute():
    """A common log, up to 4 s out of order: requests and bytes per minute and status; broken lines are rejected."""
    rand = random.Random(2)
    at = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    lines, groups, broken = [], {}, []
    for i in range(1500):
        at += dt.timedelta(seconds=rand.randint(0, 2))
        when = at - dt.timedelta(seconds=rand.randint(0, 4))
        status = rand.choice([200, 200, 200, 304, 404, 500])
        size = rand.choice(["-", str(rand.randint(0, 5000))]) if status == 304 else str(rand.randint(1, 90000))
        line = f'198.51.100.{rand.randint(1, 250)} - - [{when:%d/%b/%Y:%H:%M:%S +0000}] "GET /item/{rand.randint(1, 99)} HTTP/1.1" {status} {size}'
        if rand.random() < 0.01:
            line = line[: rand.randint(5, 40)]
            broken.append(line)
        else:
            group = groups.setdefault((int(when.timestamp()) // 60 * 60, status), [0, None])
            group[0] += 1
            if size != "-":
                group[1] = (group[1] or 0) + int(size)
        lines.append(line)
    write("access_per_minute/access.log", lines)
    out = ["window_start,window_end,status,n,bytes"]
    out += [f"{stamp(m)},{stamp(m + 60)},{s},{n},{'' if b is None else b}" for (m, s), (n, b) in groups.items()]
    write("access_per_minute/expected/per_minute.csv", out)
    write("access_per_minute/expected/rejected.ndjson", [json.dumps({"raw": line}, separators=(",", ":")) for line in broken])


def disorder_and_damage():
    """NDJSON readings per device, out of order, late, without a time, of null devices, damaged; a filter before."""
    rand = random.Random(3)
    base = 1_700_000_000
    lines, groups, late, damaged = [], {}, [], []
    for i in range(2000):
        # At most 4 s of disorder with a watermark 5 s behind: nothing is late by accident.
        ms = (base + i // 4) * 1000 + 999 - rand.randint(0, 4000)
        device = rand.choice(["a", "b", "c", None])
        value = rand.choice([None, rand.randint(-50, 50)])
        kind = rand.random()
        if kind < 0.01:
            lines.append(rand.choice(['{"ms":', "### restarted ###", "[1,2]", '{"ms":"soon","device":"a","value":1}']))
            damaged.append(lines[-1])
            continue
        row = {"ms": ms, "device": device, "value": value}
        if kind < 0.02:
            row["ms"] = None
        lines.append(json.dumps(row))
        if value is None or value <= -40:
            continue
        if row["ms"] is None:
            late.append((device, value))
            continue
        group = groups.setdefault((ms // 10_000 * 10, device), [])
        group.append(value)
    # Rows of an hour ago, at the end: late for certain.
    for device in ("a", "b"):
        lines.append(json.dumps({"ms": (base - 3600) * 1000, "device": device, "value": 7}))
        late.append((device, 7))
    write("disorder_and_damage/input.ndjson", lines)
    out = ["window_start,window_end,device,n,total,spread,big"]
    for (start, device), values in groups.items():
        big = sum(1 for v in values if v > 25)
        out.append(f"{stamp(start)},{stamp(start + 10)},{device or ''},{len(values)},{sum(values)},{max(values) - min(values)},{big}")
    raw = [json.dumps({"raw": line}, separators=(",", ":")) for line in damaged]
    # The same nodes in two nested pipelines, one in the other, on the same input.
    for golden in ("disorder_and_damage", "nested_damage"):
        write(f"{golden}/expected/windows.csv", out)
        write(f"{golden}/expected/late.csv", ["device,value"] + [f"{d or ''},{v}" for d, v in late])
        write(f"{golden}/expected/rejected.ndjson", raw)


def chained_windows():
    """Routed and joined again, then minutes of 10 s windows: what a window gives can be windowed again."""
    rand = random.Random(4)
    base = 1_700_000_040
    rows, tens, minutes = [], {}, {}
    for i in range(1200):
        at = base + i // 2
        value = rand.randint(0, 100)
        rows.append(f"{stamp(at)},{'hot' if rand.random() < 0.5 else 'cold'},{value}")
        if value % 10 != 0:
            tens.setdefault(at // 10 * 10, []).append(value)
    write("chained_windows/input.csv", ["at,side,value"] + rows)
    for ten, values in tens.items():
        minutes.setdefault(ten // 60 * 60, []).append((max(values), len(values)))
    out = ["window_start,window_end,peak,n"]
    out += [f"{stamp(m)},{stamp(m + 60)},{max(p for p, _ in v)},{sum(n for _, n in v)}" for m, v in minutes.items()]
    write("chained_windows/expected/minutes.csv", out)


def windows_of_all_kinds():
    """Readings per device, up to 4 s out of order, with silences: one result of each window node."""
    rand = random.Random(5)
    base = 1_700_000_000
    rows = []
    quiet = {"a": (80, 130), "b": (40, 55), "c": (150, 151)}
    for second in range(240):
        for device in "abc":
            first, last = quiet[device]
            if first <= second < last or rand.random() < 0.5:
                continue
            # At most 4 s of disorder with a watermark 5 s behind: nothing is late.
            rows.append((base + second, second + rand.randint(0, 4), device, rand.randint(-9, 9)))
    rows = [(at, device, value) for at, _, device, value in sorted(rows, key=lambda row: row[1])]
    write("windows_of_all_kinds/input.csv", ["at,device,value"] + [f"{stamp(a)},{d},{v}" for a, d, v in rows])

    # Hopping, 10 s by 3 s, the best two by count, ties by device.
    windows = {}
    for at, device, value in rows:
        for start in range(at - 9, at + 1):
            if start % 3 == 0:
                windows.setdefault(start, {}).setdefault(device, []).append(value)
    out = ["window_start,window_end,device,n,total"]
    for start, devices in windows.items():
        best = sorted(devices.items(), key=lambda item: (-len(item[1]), item[0]))[:2]
        out += [f"{stamp(start)},{stamp(start + 10)},{d},{len(v)},{sum(v)}" for d, v in best]
    write("windows_of_all_kinds/expected/hopping.csv", out)

    # Sessions of 6 s, and who is silent for 20 s.
    session, silence = ["window_start,window_end,device,n,total"], ["device,last_seen,silent_since,state,changed_at"]
    for device in "abc":
        mine = sorted((at, value) for at, d, value in rows if d == device)
        run = [mine[0]]
        for row in mine[1:] + [(10**12, 0)]:
            if row[0] - run[-1][0] >= 6:
                session.append(f"{stamp(run[0][0])},{stamp(run[-1][0] + 6)},{device},{len(run)},{sum(v for _, v in run)}")
                run = []
            run.append(row)
        for (last, _), (at, _) in zip(mine, mine[1:] + [(None, 0)]):
            if at is None or at - last >= 20:
                silence.append(f"{device},{stamp(last)},{stamp(last + 20)},silent,{stamp(last + 20)}")
                if at is not None:
                    silence.append(f"{device},{stamp(at)},{stamp(last + 20)},recovered,{stamp(at)}")
    write("windows_of_all_kinds/expected/session.csv", session)
    write("windows_of_all_kinds/expected/silence.csv", silence)

    # Every 7 rows by 3, as they came, with the incomplete ones.
    count = ["first_row,last_row,device,n,total"]
    for device in "abc":
        mine = [value for _, d, value in rows if d == device]
        for first in range(0, len(mine), 3):
            part = mine[first : first + 7]
            count.append(f"{first + 1},{first + len(part)},{device},{len(part)},{sum(part)}")
    write("windows_of_all_kinds/expected/count.csv", count)

    # Each row with the count and the sum of the 15 s before it.
    rolling = ["at,device,value,n,total"]
    for at, device, value in rows:
        before = [v for a, d, v in rows if d == device and at - 15 <= a <= at]
        rolling.append(f"{stamp(at)},{device},{value},{len(before)},{sum(before)}")
    write("windows_of_all_kinds/expected/rolling.csv", rolling)


def cell(value):
    return "" if value is None else str(value)


def joins():
    """Orders joined with payments, prices and items in four ways; every pair is looked at."""
    rand = random.Random(5)
    base = 1_700_000_400
    orders, payments, prices = [], [], []
    for i in range(400):
        # At most 3 s of disorder with a watermark 5 s behind: nothing is late.
        at = base + i * 3 + rand.randint(0, 3)
        orders.append((at, rand.choice([None, *range(i // 8, i // 8 + 12)]), rand.choice("abcd")))
        payments.append((base + i * 3 + rand.randint(0, 3), rand.randint(i // 8, i // 8 + 12), rand.randint(1, 500)))
        if i % 4 == 0:
            prices.append((base + i * 3 + rand.randint(0, 3), rand.choice("abc"), rand.randint(1, 99) / 4))
    items = [("a", "apple"), ("b", "bread"), ("x", "nothing")]
    lines = lambda rows: [",".join([stamp(row[0]), *map(cell, row[1:])]) for row in rows]
    write("joins/orders.csv", ["ts,order,item"] + lines(orders))
    write("joins/payments.csv", ["ts,order_no,paid"] + lines(payments))
    write("joins/prices.csv", ["ts,item,price"] + lines(prices))
    write("joins/items.csv", ["item,name"] + [",".join(item) for item in items])
    none = ["", "", ""]

    out = ["ts,order,item,ts_right,order_no,paid"]
    for order in orders:
        found = [p for p in payments if p[1] == order[1] and order[0] - 20 <= p[0] <= order[0] + 60]
        out += [",".join(lines([order]) + lines([p])) for p in found]
        if not found:
            out.append(",".join(lines([order]) + none))
    write("joins/expected/interval.csv", out)

    out = ["window_start,window_end,ts,order,item,ts_right,order_no,paid"]
    for start in range(base - 200, base + 1500, 50):
        if start % 50:
            raise ValueError("windows are aligned")
        left = [o for o in orders if start <= o[0] < start + 100]
        right = [p for p in payments if start <= p[0] < start + 100]
        window = [stamp(start), stamp(start + 100)]
        for o in left:
            found = [p for p in right if p[1] == o[1]]
            out += [",".join(window + lines([o]) + lines([p])) for p in found]
            if not found:
                out.append(",".join(window + lines([o]) + none))
        for p in right:
            if all(o[1] != p[1] for o in left):
                out.append(",".join(window + none + lines([p])))
    write("joins/expected/window.csv", out)

    out = ["ts,order,item,ts_right,item_right,price"]
    for order in orders:
        best = None
        for price in prices:
            is_good = price[1] == order[2] and order[0] - 40 <= price[0] <= order[0]
            if is_good and (best is None or price[0] >= best[0]):
                best = price
        out.append(",".join(lines([order]) + (lines([best]) if best else none)))
    write("joins/expected/as_of.csv", out)

    names = dict(items)
    out = ["ts,order,item,name"]
    out += [",".join(lines([order]) + [names[order[2]]]) for order in orders if order[2] in names]
    write("joins/expected/lookup.csv", out)


def tidy_readings():
    """Readings in disorder, thinned out, taken apart, put in order, onto a grid and into wide rows."""
    rand = random.Random(6)
    base = 1_700_000_400
    lines, rows = [], []
    for i in range(900):
        at = base + i + rand.randint(0, 3)
        row = {
            "ts": stamp(at),
            "id": i,
            "device": rand.choice(["a", "b", None]),
            "sensor": rand.choice(["temp", "load", "fan"]),
            "value": rand.randint(-40, 400) / 8,
            "level": rand.randint(0, 1),
            "tags": rand.choice([None, [], ["x"], ["x", "y"]]),
            "at": rand.choice([None, {"x": rand.randint(0, 9), "y": None}]),
        }
        lines.append(json.dumps(row))
        rows.append({**row, "s": at})
    # The first lines say what the columns hold.
    lines[0] = json.dumps({**json.loads(lines[0]), "at": {"x": 1, "y": 2}, "tags": ["x"]})
    rows[0].update(at={"x": 1, "y": 2}, tags=["x"])
    write("tidy_readings/input.ndjson", lines)

    def ids(name, kept):
        write(f"tidy_readings/expected/{name}.csv", ["id"] + [str(row["id"]) for row in kept])

    passed, kept = {}, []
    for row in rows:
        key = (row["device"], row["sensor"])
        if key not in passed or row["s"] >= passed[key] + 30:
            passed[key] = row["s"]
            kept.append(row)
    ids("deduplicated", kept)

    counts, kept = {}, []
    for row in rows:
        key = (row["device"], row["s"] // 20)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= 2:
            kept.append(row)
    ids("throttled", kept)
    ids("limited", rows[:100])
    ids("sampled", rows[::7])

    in_order = sorted(rows, key=lambda row: row["s"])
    last, kept = {}, []
    for row in in_order:
        if last.get(row["device"], "none") != row["level"]:
            kept.append(row)
        last[row["device"]] = row["level"]
    ids("changed", kept)

    out = ["id,tags,at_x,at_y"]
    for row in rows:
        at = row["at"] or {"x": None, "y": None}
        out += [f"{row['id']},{tag},{cell(at['x'])},{cell(at['y'])}" for tag in row["tags"] or []]
    write("tidy_readings/expected/flat.csv", out)

    out = ["ts,sensor,value"]
    for sensor in ("temp", "load", "fan"):
        series = {}
        for row in in_order:
            if row["sensor"] == sensor:
                series[row["s"]] = row["value"]
        times = sorted(series)
        for point in range(base, base + 1000, 5):
            before = [t for t in times if t <= point]
            after = [t for t in times if t >= point]
            if not before or not after or after[0] - before[-1] > 8:
                continue
            (t0, t1) = (before[-1], after[0])
            if t0 == t1:
                value = series[t0]
            else:
                share = ((point - t0) * 1_000_000) / ((t1 - t0) * 1_000_000)
                value = series[t0] * (1.0 - share) + series[t1] * share
            out.append(f"{stamp(point)},{sensor},{value!r}")
    write("tidy_readings/expected/filled.csv", out)

    wide = {}
    for row in rows:
        if row["sensor"] in ("temp", "load"):
            wide.setdefault((row["s"], row["device"]), {})[row["sensor"]] = row["value"]
    out = ["ts,device,temp,load"]
    out += [f"{stamp(s)},{cell(d)},{cell(v.get('temp'))},{cell(v.get('load'))}" for (s, d), v in wide.items()]
    write("tidy_readings/expected/wide.csv", out)

    minutes = {}
    for row in rows:
        minutes.setdefault((row["s"] // 60 * 60, row["device"]), []).append(row["value"])
    out = ["window_start,window_end,device,n,peak"]
    out += [f"{stamp(m)},{stamp(m + 60)},{cell(d)},{len(v)},{max(v)!r}" for (m, d), v in minutes.items() if len(v) > 12]
    write("tidy_readings/expected/peaks.csv", out)


def patterns():
    """Events of users, up to 4 s out of order: break-ins, doors left open, pressures that fall; every row is looked at."""
    rand = random.Random(8)
    base = 1_700_000_000
    rows = []
    for second in range(1200):
        for user in "abc":
            if rand.random() < 0.4:
                kind = rand.choice(["failed", "failed", "failed", "entered", "opened", "closed", "seen"])
                rows.append((base + second, second + rand.randint(0, 4), user, kind, rand.randint(0, 99)))
    rows = [(at, user, kind, value) for at, _, user, kind, value in sorted(rows, key=lambda row: row[1])]
    write("patterns/input.csv", ["at,user,kind,value"] + [f"{stamp(a)},{u},{k},{v}" for a, u, k, v in rows])

    break_ins = ["user,match_start,match_end,num_failed,num_entered,from_value,entered_with"]
    left_open = ["user,match_start,match_end,num_opened"]
    falls = ["user,match_start,match_end,num_top,num_fall,lowest"]
    for user in "abc":
        mine = sorted(row for row in rows if row[1] == user)
        # Four failures at least, then an entry, within 20 s; whatever else comes between; not overlapping.
        first = 0
        while first < len(mine):
            failed = []
            for at, _, kind, value in mine[first:] if mine[first][2] == "failed" else []:
                if at > mine[first][0] + 20:
                    break
                if kind == "failed":
                    failed.append(value)
                elif kind == "entered" and len(failed) >= 4:
                    break_ins.append(f"{user},{stamp(mine[first][0])},{stamp(at)},{len(failed)},1,{failed[0]},{value}")
                    first = next(i for i, row in enumerate(mine) if row[0] == at)
                    break
            first += 1
        # Opened and not closed for 15 s.
        for at, _, kind, _ in mine:
            if kind == "opened" and not any(k == "closed" and at < a <= at + 15 for a, _, k, _ in mine):
                left_open.append(f"{user},{stamp(at)},{stamp(at)},1")
        # A value that falls three times at least from row to row, as long as it does; not overlapping.
        first = 0
        while first < len(mine):
            last = first
            while last + 1 < len(mine) and mine[last + 1][3] < mine[last][3]:
                last += 1
            if last - first >= 3:
                falls.append(f"{user},{stamp(mine[first][0])},{stamp(mine[last][0])},1,{last - first},{mine[last][3]}")
                first = last
            first += 1
    for name, out in (("break_ins", break_ins), ("left_open", left_open), ("falls", falls)):
        write(f"patterns/expected/{name}.csv", out)


def wired_lookup():
    """Readings and what is said of their devices in one file: each reading with the last that the file says."""
    rand = random.Random(9)
    lines, rooms, readings = [], {}, []
    for i in range(4000):
        device = f"d{rand.randint(0, 39)}"
        if rand.random() < 0.1:
            rooms[device] = f"room {rand.randint(0, 99)}"
            lines.append(f"{i},said,{device},{rooms[device]}")
        else:
            readings.append((i, device))
            lines.append(f"{i},read,{device},")
    write("wired_lookup/input.csv", ["n,kind,device,room"] + lines)
    out = [f"{i},{device},{rooms.get(device, '')}" for i, device in readings]
    write("wired_lookup/expected/joined.csv", ["n,device,room"] + out)


def merged_lines():
    """Two lines in one stream, one far ahead of the other, with rows up to 40 s behind: late by their own line."""
    rand = random.Random(10)
    base = 1_700_000_000
    windows, late = {}, []
    for line, step in (("a", 2), ("b", 11)):
        rows, newest = [], None
        for i in range(700):
            at = base + i * step - (rand.randint(3, 40) if rand.random() < 0.1 else rand.randint(0, 2))
            value = rand.randint(-9, 9)
            rows.append(f"{stamp(at)},{line},{value}")
            # 20 s by 5 s; a window is closed when the newest row of its line is 2 s past its end.
            starts = [start for start in range(at - 19, at + 1) if start % 5 == 0]
            open_ones = [start for start in starts if newest is None or start + 20 > newest - 2]
            for start in open_ones:
                windows.setdefault((start, value % 3), []).append(value)
            if not open_ones:
                late.append(rows[-1])
            newest = at if newest is None else max(newest, at)
        write(f"merged_lines/{line}.csv", ["at,line,value"] + rows)
    out = ["window_start,window_end,rest,n,total"]
    out += [f"{stamp(start)},{stamp(start + 20)},{rest},{len(v)},{sum(v)}" for (start, rest), v in windows.items()]
    write("merged_lines/expected/windows.csv", out)
    write("merged_lines/expected/late.csv", ["at,line,value"] + late)


for make in (hourly_temperature, access_per_minute, disorder_and_damage, chained_windows, windows_of_all_kinds, joins, tidy_readings, patterns, wired_lookup, merged_lines):
    make()
