"""What a project asks for without effect, for the log."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback

from ..i18n import tr
from .ini import IniOptions, alternatives
from .option_names import FILES, FLAGS, FLAGS_OF_FILES, RASTER_FLAGS, SCENARIOS_OF_FLAGS, WORDS


def log_ignored(options: IniOptions, feedback: QgsProcessingFeedback) -> None:
    """Log the options of a project that have no effect, or another one than the project says.

    Parameters
    ----------
    options
        Options of the `.ini` file.
    feedback
        Receives warnings of options that are switched on, and information about others.
    """
    project = options.path.name
    if options.unknown():
        text = tr("'{project}': unknown options, which have no effect: {options}.")
        feedback.pushWarning(text.format(project=project, options="; ".join(options.unknown())))
    if options.repeated:
        text = tr("'{project}' gives options twice: {options}.")
        feedback.pushWarning(text.format(project=project, options=", ".join(options.repeated)))
    used = [name for name in FILES if _is_used(options, name)]
    for name, path in ((name, options.relocated(name)) for name in used):
        if path is not None:
            text = tr("'{project}': there is no file {given} ({option}); '{path}' is used instead.")
            given = options.values[name]
            feedback.pushWarning(text.format(project=project, given=given, option=name, path=path))
    ineffective = _ineffective_flags(options)
    if ineffective:
        text = tr("'{project}': options that have no effect here: {options}.")
        feedback.pushWarning(text.format(project=project, options="; ".join(ineffective)))
    unused = [name for name in FILES if options.names_file(name) and name not in used]
    if unused:
        text = tr("'{project}': files that are not used in this scenario, or not switched on: {files}.")
        listed = "; ".join(f"{name} = {options.values[name]}" for name in unused)
        feedback.pushInfo(text.format(project=project, files=listed))


def _ineffective_flags(options: IniOptions) -> list[str]:
    network, scenario = options.word("data_type") == "network", options.word("scenario")
    texts = []
    for name in (name for name, default in FLAGS.items() if options.flag(name) != default):
        scenarios = SCENARIOS_OF_FLAGS.get(name, {scenario})
        if network and name in RASTER_FLAGS:
            texts.append(tr("{name} (only for rasters)").format(name=name))
        elif scenario not in scenarios:
            where = alternatives(tuple(sorted(scenarios)))
            texts.append(tr("{name} (only in scenario {scenarios})").format(name=name, scenarios=where))
    policy = options.word("remove_src_or_gnd")
    if scenario != "advanced" and policy != WORDS["remove_src_or_gnd"][0]:
        texts.append(tr("remove_src_or_gnd = {policy} (only in scenario advanced)").format(policy=policy))
    return texts


def _is_used(options: IniOptions, name: str) -> bool:
    if name in FLAGS_OF_FILES:
        return options.flag(FLAGS_OF_FILES[name])
    if name in ("source_file", "ground_file"):
        return options.word("scenario") == "advanced"
    return name != "point_file" or options.word("scenario") != "advanced"
