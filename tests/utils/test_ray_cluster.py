"""A Ray cluster that is not there is told at once."""

import socket

import pytest

from mmk12.errors import ModelError
from mmk12.utils.ray_cluster import check_reachable


def test_someone_who_listens_is_found():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        check_reachable(f"127.0.0.1:{port}")
        check_reachable(f"ray://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "address", ["127.0.0.1:9", "ray://127.0.0.1:9", "127.0.0.1:99999", "no-such-host.invalid:6379"]
)
def test_nobody_is_one_line(address):
    with pytest.raises(ModelError, match=r"No Ray cluster answers at .* Start one: ray start --head") as told:
        check_reachable(address)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("address", ["auto", "local", "somewhere"])
def test_other_addresses_are_left_to_ray(address):
    check_reachable(address)
