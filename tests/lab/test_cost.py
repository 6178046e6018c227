"""What a client's line carries and what a zone spends, from what trials counted."""

import pytest
from trials import mix, zone

from pymix_voice.lab.throughput.cost import Cost, Population, client_cost, row


def test_a_clients_bytes_are_those_on_the_gateways_socket_with_headers() -> None:
    told = client_cost(zone(1_000, 0))
    assert told["bytes_per_second_up"] == 55 * (152 + 28)
    assert told["bytes_per_second_down"] == 55 * (176 + 28)
    assert told["kbit_s_up"] == pytest.approx(55 * 180 * 8 / 1000, abs=0.05)
    assert told["bytes_per_day"] == pytest.approx(55 * (180 + 204) * 86_400, rel=1e-3)


def test_what_serves_a_client_is_told_by_client() -> None:
    told = row(Population(1_000, zone(1_000, 0), mix(1_000, 1.0)))
    assert told["clients"] == 1_000
    assert told["gateway_us_per_client_second"] == 500.0
    assert told["mix_bytes_per_circuit"] == 15_000
    assert told["gateway_bytes_per_client"] == round((30 << 20) / 1_000)


def test_before_anything_was_measured_there_is_no_row_and_no_client() -> None:
    told = Cost(quick=True, tell=lambda text: None).summary()
    assert (told["whole"], told["client"], told["rows"]) == (False, None, [])
