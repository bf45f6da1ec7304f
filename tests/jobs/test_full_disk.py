"""Uploads of jobs do not fill the disk on which those that were accepted are worked on."""

from tests.jobs.gateway_process import GatewayProcess, files_in


def test_a_job_is_refused_before_the_disk_is_full(one_gateway: GatewayProcess, film, data):
    one_gateway.set("jobs__keep_free_bytes", 2**62)
    one_gateway.start()
    sent = {"content": film, "headers": {"prefer": "respond-async"}}
    refused = one_gateway.client.post("/v1/analyses?detail=summary", **sent)
    assert refused.status_code == 503
    assert refused.json()["type"] == "/problems/overloaded"
    assert "EMOTION_JOBS__DATA_FOLDER" in refused.json()["remedy"]
    assert "EMOTION_JOBS__KEEP_FREE_BYTES" in refused.json()["remedy"]
    assert int(refused.headers["retry-after"]) > 0
    keyed = one_gateway.client.post(
        "/v1/analyses?detail=summary", content=film, headers={"idempotency-key": "one"}
    )
    assert keyed.status_code == 503, keyed.text
    assert not files_in(data / "files")
    # What is kept free is for the results of jobs: a plain request does not lie there.
    plain = one_gateway.client.post("/v1/analyses?detail=summary", content=film)
    assert plain.status_code == 200, plain.text


def test_what_was_accepted_ends_though_no_more_is_taken(one_gateway: GatewayProcess, film):
    one_gateway.start()
    accepted = one_gateway.submit(film)
    one_gateway.kill()
    one_gateway.set("jobs__keep_free_bytes", 2**62)
    one_gateway.start()
    assert one_gateway.finished(accepted)["state"] == "succeeded"
    export = one_gateway.client.get(f"{accepted}.jsonl")
    assert export.status_code == 503, export.text
