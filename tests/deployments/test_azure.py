"""The Terraform files for Azure: judged by their providers' schemas, held to the design's rules and our own code."""

import json
import re
import string
from fnmatch import fnmatch
from typing import Any

import jsonpatch
import pytest
import yaml
from prefect_azure.container_instance import ACRManagedIdentity
from prefect_azure.workers.container_instance import AzureContainerJobConfiguration

from flows.serving import container_template
from restyle import layout
from restyle.errors import BadSetting
from restyle.storage.open import open_store
from tests.deployments.reading import AZURE, KUBERNETES, example_environment, services
from tests.deployments.terraform import block_faults, blocks, faults, named, parsed, references, resource
from tests.deployments.test_kubernetes import validate

ROLES = {  # every built-in role that may be given, none of which gives roles away or reads keys
    "AcrPull",
    "Azure Container Instances Contributor Role",
    "Azure Kubernetes Service RBAC Cluster Admin",
    "Managed Identity Operator",
    "Network Contributor",
    "Storage Blob Data Contributor",
    "Storage Queue Data Contributor",
    "Storage Queue Data Message Sender",
}


def test_every_block_is_what_the_providers_schemas_allow() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"name": '"a"'}, "storage_account_id is required"),
        ({"name": '"a"', "storage_account_id": "${x}", "colour": 1}, "no argument colour"),
        ({"name": 7, "storage_account_id": "${x}"}, "7 is no string"),
        ({"name": '"a"', "storage_account_id": [{"__is_block__": True}]}, "must be an argument"),
    ],
)
def test_a_mistake_in_a_block_is_found(body: dict[str, Any], fault: str) -> None:
    assert fault in "\n".join(block_faults("azurerm_storage_queue", body))


def test_every_expression_names_something_that_is_there() -> None:
    known = {f"var.{name}" for name in named("variable")}
    known |= {f"local.{name}" for one in parsed("locals") for name in one if not name.startswith("__")}
    known |= {f"{kind}.{name}" for kind, name, _ in blocks("resource")}
    known |= {f"data.{kind}.{name}" for kind, name, _ in blocks("data")}
    used = set(references())
    assert [(file, name) for file, name in sorted(used) if name not in known] == []
    unused = {name for name in known if name.startswith(("var.", "local."))} - {name for _, name in used}
    assert unused == set()


def test_every_variable_says_what_it_is_and_the_example_sets_what_has_no_default() -> None:
    variables = named("variable")
    assert all(body["description"] and body["type"] for body in variables.values())
    example = set(re.findall(r"^(\w+) ", (AZURE / "terraform.tfvars.example").read_text(), re.MULTILINE))
    assert {name for name, body in variables.items() if "default" not in body} <= example <= variables.keys()


def test_the_stores_take_no_keys_no_old_tls_and_nobody_from_outside_but_who_is_named() -> None:
    account = resource("azurerm_storage_account.main")
    assert account["shared_access_key_enabled"] is account["allow_nested_items_to_be_public"] is False
    assert account["local_user_enabled"] is account["cross_tenant_replication_enabled"] is False
    assert account["https_traffic_only_enabled"] is account["infrastructure_encryption_enabled"] is True
    assert account["min_tls_version"] == '"TLS1_2"'
    (rules,), (sas,), (blobs,) = account["network_rules"], account["sas_policy"], account["blob_properties"]
    assert (rules["default_action"], rules["bypass"]) == ('"Deny"', ['"AzureServices"'])
    assert (sas["expiration_period"], sas["expiration_action"]) == ('"07.00:00:00"', '"Block"')
    assert blobs["delete_retention_policy"][0]["days"] == "${var.recoverable_days}"
    (stores,) = (one["stores"] for one in parsed("locals") if "stores" in one)
    assert stores["control"]["addresses"] == []


def test_outside_lead_only_the_dashboard_and_the_way_out() -> None:
    public = {f"{kind}.{name}" for kind, name, _ in blocks("resource") if kind == "azurerm_public_ip"}
    assert public == {"azurerm_public_ip.out"}
    (ingress,) = resource("azurerm_container_app.server")["ingress"]
    assert ingress["allow_insecure_connections"] is False
    assert "team_addresses" in ingress["dynamic"][0]['"ip_security_restriction"']["for_each"]
    assert resource("azurerm_postgresql_flexible_server.main")["public_network_access_enabled"] is False
    assert resource("azurerm_kubernetes_cluster.gpus")["private_cluster_enabled"] is True
    assert all(
        body["ip_address_type"] == '"Private"' for kind, _, body in blocks("resource") if "container_group" in kind
    )


def test_roles_are_few_and_none_is_more_than_it_must_be() -> None:
    given = [body for kind, _, body in blocks("resource") if kind == "azurerm_role_assignment"]
    assert {body["role_definition_name"].strip('"') for body in given if "role_definition_name" in body} == ROLES
    assert not any("subscription" in body["scope"] or body["scope"].endswith("_group.main.id}") for body in given)
    (own,) = resource("azurerm_role_definition.join_subnet")["permissions"]
    assert not any("*" in action for action in own["actions"])


def test_without_work_there_is_no_gpu() -> None:
    pool = resource("azurerm_kubernetes_cluster_node_pool.gpus")
    assert (pool["auto_scaling_enabled"], pool["min_count"], pool["max_count"]) == (True, 0, "${var.gpu_most}")
    tolerated = {one["key"] for one in _dask("DaskCluster")["spec"]["worker"]["spec"]["tolerations"]}
    assert set(re.findall(r'"([\w./]+)=\w+:NoSchedule', pool["node_taints"])) <= tolerated


def test_frames_expire_and_outputs_stay() -> None:
    policy = resource("azurerm_storage_management_policy.main")
    (content,) = policy["dynamic"][0]['"rule"']["content"]
    prefixes = [prefix.strip('"') for prefix in content["filters"][0]["prefix_match"]]
    gone = [f"data/{layout.frames('JOB')}", f"data/{layout.styled('JOB')}"]
    kept = [
        layout.output("JOB", "ENC", ".mp4"),
        layout.report_file("JOB"),
        layout.video("0" * 64, "a.mp4"),
        layout.INBOX,
    ]
    assert all(any(key.startswith(prefix) for prefix in prefixes) for key in gone)
    assert not any(f"data/{key}".startswith(prefix) for key in kept for prefix in prefixes)


def test_event_grid_tells_of_what_the_sensor_looks_at_and_of_nothing_else() -> None:
    told = resource("azurerm_eventgrid_system_topic_event_subscription.dropped")
    places = {place.strip('"') for place in re.findall(r'"(\w+)"', told["for_each"])}
    assert {f"{place}/" for place in places} == {layout.INBOX, layout.TRIGGERS}
    assert told["delivery_identity"][0]["type"] == '"SystemAssigned"'
    queues = set(re.findall(r'"([\w-]+)"', resource("azurerm_storage_queue.main")["for_each"]))
    assert queues == {"dropped", "dropped-dead-letters"}


def test_the_stores_names_are_ones_that_restyle_opens() -> None:
    named_here = {name: value for one in parsed("locals") for name, value in one.items() if name.endswith("_store")}
    for name in ("data_store", "control_store"):
        address = re.sub(r"\$\{[^}]*\}", "studio", named_here[name].strip('"'))
        assert repr(open_store(address)).endswith(f"/{name.removesuffix('_store')}')")


def test_the_pool_makes_containers_of_the_registrys_image_with_the_runs_own_identity() -> None:
    values = _pool_values()
    template = container_template(values)
    variables = {
        name: field["default"] for name, field in template["variables"]["properties"].items() if "default" in field
    }
    made = AzureContainerJobConfiguration.model_validate(
        {name: variables[name] for name in values} | {"arm_template": template["job_configuration"]["arm_template"]}
    )
    assert isinstance(made.image_registry, ACRManagedIdentity)
    assert (made.entrypoint, made.cpu, made.memory) == ("", 4, 8)
    ours = {f"RESTYLE_{name}" for name in ("DATA_STORE", "CONTROL_STORE", "CLUSTER", "MAX_WORKERS")}
    assert set(made.env) == {*ours, "AZURE_CLIENT_ID"}
    with pytest.raises(BadSetting, match="colour: not among"):
        container_template({"colour": "blue"})


def test_containers_run_what_the_compose_file_runs() -> None:
    composed = services(example_environment())
    (server,) = resource("azurerm_container_app.server")["template"][0]["container"]
    assert _words(server["args"]) == composed["server"]["command"]
    (sensor,) = resource("azurerm_container_group.sensor")["container"]
    assert _words(sensor["commands"]) == ["tini", "--", *composed["sensor"]["command"]]
    (worker,) = resource("azurerm_container_group.worker")["container"]
    wished = [word.replace("process", "azure-container-instance") for word in composed["worker"]["command"]]
    assert _words(worker["commands"]) == ["tini", "--", *wished]


def test_the_rendered_manifests_for_azure_follow_their_schemas() -> None:
    rendered = yaml.safe_load(_rendered())
    for patch in rendered["patches"]:
        one = _dask(patch["target"]["kind"], patch["target"]["name"])
        validate(jsonpatch.apply_patch(one, yaml.safe_load(patch["patch"])))
    for name in ("painting", "nvidia"):
        assert any(fnmatch(place, f"*/{name}") for place in rendered["resources"])


def _rendered() -> str:
    """The template as `templatefile` fills it in: its one loop, and its variables."""
    text = (AZURE / "kustomization.yaml.tftpl").read_text()
    body = re.search(r"%\{ for name, value in stores ~\}\n(.*?)%\{ endfor ~\}\n", text, re.DOTALL)
    assert body
    stores = {"RESTYLE_DATA_STORE": "https://a.example/data", "RESTYLE_CONTROL_STORE": "https://a.example/control"}
    lines = "".join(
        body[1].replace("          ${name}", f"          {name}").replace("${value}", value)
        for name, value in stores.items()
    )
    values = re.findall(r"\n    (\w+) +=", resource_text("local_sensitive_file", "kustomization"))
    filled = {name: "4" if name == "gpu_most" else f"some-{name}" for name in values}
    return string.Template(text.replace(body[0], lines)).substitute(filled)


def resource_text(kind: str, name: str) -> str:
    """A resource as it is written."""
    texts = (file.read_text() for file in AZURE.glob("*.tf"))
    (found,) = (m[0] for text in texts if (m := re.search(rf'(?ms)^resource "{kind}" "{name}" \{{.*?^\}}', text)))
    return found


def _dask(kind: str, name: str | None = None) -> dict[str, Any]:
    """A manifest of what paints."""
    texts = (KUBERNETES / "painting").glob("*.yaml")
    found = (one for file in texts for one in yaml.safe_load_all(file.read_text()) if one["kind"] == kind)
    return next(one for one in found if name in (None, one["metadata"]["name"]))


def _words(values: list[str]) -> list[str]:
    return [value.strip('"') for value in values]


def _pool_values() -> dict[str, Any]:
    """What runs.tf hands to the pool, with something in place of what only Azure knows."""
    text = (AZURE / "runs.tf").read_text()
    inside = re.search(r"container_instances = jsonencode\(\{\n(.*?)\n  \}\)", text, re.DOTALL)
    assert inside
    keys = re.findall(r"^    (\w+) +=", inside[1], re.MULTILINE)
    environment = re.findall(r"^    (RESTYLE_\w+|AZURE_\w+) += ", text.split("container_instances")[0], re.MULTILINE)
    known: dict[str, Any] = {
        "identities": ["/identity"],
        "image_registry": {"registry_url": "r.example", "identity": "/identity"},
        "subnet_ids": ["/subnet"],
        "cpu": int(named("variable")["run_cores"]["default"]),
        "memory": int(named("variable")["run_memory_gb"]["default"]),
        "entrypoint": json.loads(re.search(r"entrypoint = (.*)", inside[1])[1]),  # type: ignore[index]
        "env": dict.fromkeys(environment, "x"),
    }
    return {key: known.get(key, f"some {key}") for key in keys}
