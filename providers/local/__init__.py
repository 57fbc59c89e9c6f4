"""The `local` provider: the nine operations by rules and statistics, no AI model, free, no key.

Each function below is pure: a mapping in, a dictionary out, no clock, no network, no database. It
takes an operation's validated parameters in JSON form (moments are ISO 8601 strings, defaults are
filled in) and returns the JSON form of its result. An optional key may be missing, None or empty;
all three mean the same. Keys it does not know are ignored. Whatever validates never raises.

An operation names its own function: `rules=slots.find`.

========================  ===========================
operation                 rules
========================  ===========================
email-compose             `mail.compose`
email-classify            `mail.classify`
email-respond             `mail.respond`
calendar-prep             `meetings.prepare`
calendar-time             `slots.find`
task-prioritize           `tasks.prioritize`
task-breakdown            `tasks.break_down`
analytics-summary         `series.summarize`
analytics-anomaly         `series.find_anomalies`
========================  ===========================

Parameters (required ones are marked *; results in braces, keys marked + are additions to the
table of the design). A *moment* is `2026-03-30T09:00:00+02:00`, `…Z`, or without an offset, which
is then wall-clock time in `timezone`; a *date* `2026-03-30` alone means that whole local day.

`mail.compose`
    `purpose`*, `to` (a string, or a list of them), `subject`, `tone` professional | friendly |
    concise | formal (professional), `length` short | medium | long (medium), `context`, `draft`,
    `sender_name`. → {`subject`, `body`}. Blanks a person must fill are in [brackets].

`mail.classify`
    `emails`* [`id`*, `from`, `subject`, `body`, `received_at`, `to` (string or list), `headers`
    (mapping of name to string, as `List-Unsubscribe`; helps much where it is known)].
    → {`classifications` [`id`, `category`, `priority` 1-5 (5 is the most pressing), `confidence`
    0-1, `reason`]}, in the order of `emails`. A body in HTML is understood.

`mail.respond`
    `email`* (as above; `id` not needed), `tone` (as compose), `intent` accept | decline | ask |
    acknowledge | answer (acknowledge), `instructions`, `sender_name`. → {`subject`, `body`}.

`meetings.prepare`
    `events`* [`id`*, `title`, `start`, `end`, `attendees` (list of strings), `location`, `notes`],
    `tasks` [`title`, `id`, `due`; or plain strings], `emails` [as above; or plain strings],
    `timezone` (UTC; for times in the briefing). → {`briefing`, `items` [`event_id`, `preparation`
    [strings], `minutes_before`]}, items in order of start.

`slots.find`
    `duration_minutes`*, `window`* {`start`, `end`}, `busy` [`start`, `end`], `timezone` (UTC),
    `working_hours` {`start`: "09:00", `end`: "17:00", `days`: [1, 2, 3, 4, 5]} (ISO weekdays,
    Monday is 1; `end` "24:00" is midnight; an `end` at or before `start` is the next day), `count`
    (3), `now` (nothing before it is offered). → {`slots` [`start`, `end`, `score` 0-100,
    `reason`], `note`+}, best first, moments with the offset of `timezone`; `note` says why there
    are fewer than `count`, else it is "".

`tasks.prioritize`
    `tasks`* [`id`*, `title`, `due`, `importance` 1-5 (3), `effort_minutes` (60), `blocked_by`
    (list of ids)], `now`* (the operation fills in the present), `timezone` (UTC; a `due` that is
    a date means the end of that day). → {`tasks` [`id`, `rank` from 1, `score` 0-100, `quadrant`
    do | schedule | delegate | drop, `reason`]}, in order of rank.

`tasks.break_down`
    `title`*, `description`, `max_steps` (8). → {`steps` [`order` from 1, `title`,
    `estimate_minutes`, `depends_on` (orders of earlier steps)], `description`+ (which pattern was
    used, and the sum)}.

`series.summarize`
    `series` [`t`, `value` (number, decimal string, or None for "nothing measured")], `days`,
    `include_trends` (true), `timezone` (UTC), and `usage`: Helix's own figures as the operation's
    gather step found them::

        {"days": 7,
         "current":  {"runs": 120, "failed": 3, "cost_usd": "1.25", "input_tokens": 90000,
                      "output_tokens": 12000, "latency_ms": 840.0},
         "previous": {same keys},
         "by_operation": [{"operation": "email-classify", "runs": 80, "failed": 1,
                           "cost_usd": "0.40"}],
         "by_model": [{"model": "openai:gpt-6-luna", "runs": 80, "failed": 1, "cost_usd": "0.40"}],
         "series": [{"t": "2026-11-20", "runs": 20, "failed": 0, "cost_usd": "0.20",
                     "latency_ms": 800.0}]}

    Every key of `usage` may be missing, and every number may be None (unknown, which is not 0).
    `current` and `previous` cover the last `days` and the `days` before them; `series` has one
    entry per day (or hour), oldest first, with entries of 0 where nothing ran. `usage` wins over
    `series` where both are given; with neither the answer says that there is nothing to say.
    → {`headline`, `points` [sentences], `metrics` {name: number or None}, `trends` [`metric`,
    `direction` up | down | flat, `change_percent` or None, `slope_per_day` or None, `sentence`]}.

`series.find_anomalies`
    `series`* [`t`, `value` as above], `metric` (its name, for the words), `sensitivity` low |
    medium | high (medium), or a number: how many robust standard deviations are too many (low 5,
    medium 3.5, high 2.5), `timezone` (UTC; hours and weekdays are taken there). For `metric` and
    `days` the gather step fills in `series`: hourly or daily buckets, 0 where nothing ran, None
    where nothing can be said (latency without runs).
    → {`anomalies` [`t`, `value`, `expected_low`, `expected_high`, `score`, `direction` high | low,
    `reason`+], `note`+ (how it was judged, or why it could not be)}, in order of time.
"""

from __future__ import annotations
