"""Everything that opening a model does, short of its weights' values: before a run is promised.

A published precommit names the models by digest. One that names a model which then cannot be run is
spent for nothing, so it is made only after transformers has built the network without its weights
and read the tokenizer.
"""

from pot_recorder.interrupts import private_folder
from pot_recorder.models.loaded_model import embedding_rows
from pot_recorder.models.loader_messages import collected_messages, require_harmless
from pot_recorder.models.manifest import examine_folder, hash_model
from pot_recorder.models.network import read_config, rehearse_network
from pot_recorder.models.source import ModelSource
from pot_recorder.models.tokenizer_opening import open_tokenizer, vocabulary_of
from pot_recorder.models.tokenizer_range import require_ids_in_range
from pot_reverify.documents.weight_manifest import WeightManifest


def rehearse_model(source: ModelSource) -> WeightManifest:
    """Hash a model as `hash_model` does, and refuse it if its files cannot become a network.

    Raises:
        Rejection: ``model.*`` or ``tokenizer.*``, see docs/models.md.
        Indeterminate: ``tokenizer.package-missing``.
    """
    if source.kind == "gguf":
        return hash_model(source)
    examined = examine_folder(source)
    with private_folder("pot-audit-model-") as private, collected_messages() as messages:
        for name, content in examined.small.contents.items():
            (private / name).write_bytes(content)
        config = read_config(source.name, private)
        built = rehearse_network(source.name, config, examined.tensors)
        tokenizer = open_tokenizer(source, private, config)
    require_harmless(messages, source.name)
    rows = embedding_rows(built.network)
    require_ids_in_range(vocabulary_of(tokenizer), rows, source.name)
    return examined.manifest
