"""What a person can do where the evidence of a criterion says nothing: one short piece of advice for each reason.

Reasons whose messages say it already, and those that pass by themselves, have none.
"""

from dataclasses import replace

from hypercare.domain.evidence.judgement import Judgement, Verdict

ADVICE = {
    "NoData": "check names and labels of its metrics; a share of errors needs `ratio`, where no errors count as 0",
    "TooFewSeries": "a series is gone, or minSeries is too high",
    "NotANumber": "mostly a division by 0: use `ratio`, or activeWhen for times without traffic",
    "InfiniteValue": "mostly a division by 0: use `ratio`, or activeWhen for times without traffic",
    "ScrapeGap": "look at the targets of Prometheus",
    "LowTraffic": "lower minTotal, or leave quiet times out with activeWhen",
    "NativeHistogram": "use histogram_quantile or histogram_count on it",
    "PartialAnswer": "what Prometheus answers from is not complete: look at its remote reads, stores and rules",
    "NoAlertsSelected": "correct severities, names or labels of the criterion, or protection.alerts.from",
    "RulesNotEvaluated": "look at AlertsTightened and at the rules page of Prometheus",
    "NoDataBehindAlert": "look at what its metrics are scraped from",
    "RuleFails": "look at its last error on the rules page of Prometheus",
}


def advised(judgement: Judgement) -> Judgement:
    """The same, with what to do about it where nothing can be said."""
    advice = ADVICE.get(judgement.reason)
    if advice is None or judgement.verdict is not Verdict.UNKNOWN:
        return judgement
    return replace(judgement, message=f"{judgement.message} ({advice})")
