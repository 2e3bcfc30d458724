"""What a day comes to: pure functions of the records of the load, of the wire and of the backends."""
import bisect
import collections
import math

SPAN = 1  # seconds for which a change of shares has to last
NOTICED, BACK = 0.2, 0.8  # of a fair share
SETTLE = 2  # seconds after the fault that its goodput leaves out
NEVER = "never"  # within the day


def percentile(values, share):
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


def count_between(times, begin, end):
    return bisect.bisect_left(times, end) - bisect.bisect_left(times, begin)


def noticed(sent, begin, end, rate):
    """Seconds from `begin` until the bad ones get no more than a fifth of the `rate` that is their share, for a second.
    `sent`: the sorted times of what they were sent."""
    for candidate in (begin, *(when for when in sent if begin <= when)):
        if candidate > end - SPAN:
            break
        after = bisect.bisect_right(sent, candidate)
        if bisect.bisect_left(sent, candidate + SPAN) - after <= NOTICED * rate * SPAN:
            return round(candidate - begin, 2)
    return NEVER


def back(answered, begin, end, rate):
    """Seconds from `begin` until the next second has four fifths of the `rate`. `answered`: the sorted times."""
    for when in answered:
        if begin <= when <= end - SPAN and count_between(answered, when, when + SPAN) >= BACK * rate * SPAN:
            return round(when - begin, 2)
    return NEVER


def of_phase(requests, begin, end):
    return [request for request in requests if begin <= request.at < end and not request.session]


def goodput(requests, begin, end):
    return sum(request.outcome == "ok" for request in of_phase(requests, begin, end)) / (end - begin)


def figures(day, requests, sent, posts, edges, backends=8):
    """`edges`: when the load began, when the bad time began and ended, when the load ended. `sent`: None, or the times
    of what the bad backends were sent."""
    start, bad, good, end = edges
    whole = [request for request in requests if request.outcome == "ok"]
    waits = [request.ended - request.at for request in of_phase(whole, bad, good)]
    share = day.rate * len(day.bad) / backends
    returned = [request for request in whole if not request.session and (not day.bad or request.backend in day.bad)]
    failed = collections.Counter(request.outcome for request in requests if request.outcome != "ok")
    result = {
        "seconds": round(end - start, 1),
        "requests": len(requests),
        "failed": sum(failed.values()),
        "failed_by_reason": dict(failed),
        "sessions_cut": sum(request.session and request.outcome != "ok" for request in requests),
        "posts": sum(request.method == "POST" for request in requests),
        "posts_arrived": len(posts),
        "posts_twice": sum(count > 1 for count in posts.values()),
        "resent_by_client": sum(request.resent for request in requests),
        "p50_ms": percentile(waits, 0.5) and round(percentile(waits, 0.5) * 1000, 1),
        "p99_ms": percentile(waits, 0.99) and round(percentile(waits, 0.99) * 1000, 1),
        "goodput_before": round(goodput(requests, start, bad), 1),
        "goodput_in": round(goodput(requests, bad, good), 1),
        "goodput_after": round(goodput(requests, good + SETTLE, end), 1) if end > good + 2 * SETTLE else None,
        "noticed": None, "sent_to_bad": None, "back": None,
    }
    if day.bad or day.is_overload:
        result["back"] = back(sorted(request.ended for request in returned), good, end, share or day.rate)
    if sent is not None and day.steady:
        result["sent_to_bad"] = count_between(sent, bad, good)
        result["noticed"] = noticed(sent, bad, good, share)
    return result
