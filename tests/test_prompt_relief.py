"""A sender is allowed less while its packets wait, and as much as aiortc says otherwise."""

from aiortc.rate import RemoteBitrateEstimator

from posesim_server.live.prompt_video.relief import LONG_LAG_S, SHARE, Relief

PACKET_BYTES = 1000
EVERY_MS = 8  # 1 Mbit/s


def allowed(estimator: RemoteBitrateEstimator | Relief) -> list[int]:
    """What a sender is told in 10 s, of which packets in the last 5 come later and later."""
    told = []
    for number in range(10_000 // EVERY_MS):
        sent_ms = number * EVERY_MS
        late_ms = max(0, sent_ms - 5000) // 4
        answer = estimator.add(
            arrival_time_ms=sent_ms + late_ms,
            abs_send_time=(sent_ms << 18) // 1000 & 0xFFFFFF,
            payload_size=PACKET_BYTES,
            ssrc=7,
        )
        if answer is not None:
            told.append(answer[0])
            assert answer[1] == [7]
    return told


def test_as_long_as_nothing_waits_long_aiortc_says_what_is_allowed():
    estimator = RemoteBitrateEstimator()
    relief = Relief(estimator, lambda: LONG_LAG_S - 0.01)
    assert allowed(relief) == allowed(RemoteBitrateEstimator())
    assert relief.rate_bit_s == estimator.rate_control.current_bitrate < 1_000_000


def test_while_packets_wait_it_is_less():
    alone = allowed(RemoteBitrateEstimator())
    assert len(alone) > 10
    relief = Relief(RemoteBitrateEstimator(), lambda: LONG_LAG_S)
    assert allowed(relief) == [round(SHARE * each) for each in alone]
