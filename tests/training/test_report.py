from training.report.accuracy import TARGET, accuracy_document, shipped_manifests


def test_the_accuracy_document_says_what_the_manifests_say():
    assert TARGET.read_text() == accuracy_document()


def test_both_profiles_are_complete():
    found = {(service, manifest.profile, manifest.role) for service, manifest in shipped_manifests()}
    roles = {("face_service", "detection"), ("face_service", "classification")}
    roles |= {("speech_service", "classification"), ("fusion_service", "fusion")}
    for profile in ("default", "paper"):
        assert {(service, profile, role) for service, role in roles} <= found


def test_the_default_networks_together_are_light_enough():
    sizes = [manifest.bytes for _, manifest in shipped_manifests() if manifest.profile == "default"]
    assert sum(sizes) <= 40_000_000
