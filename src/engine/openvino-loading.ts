/** @file Finds and loads OpenVINO, once in a process, or says in plain words why it cannot be and what helps. */

import { EngineUnavailable } from './engines';
import { findLibrary } from './libraries';
import { OpenVinoLibrary } from './openvino-library';

let loaded: OpenVinoLibrary | undefined;

/** @throws EngineUnavailable */
export function loadOpenVino(): OpenVinoLibrary {
  return (loaded ??= load());
}

function load(): OpenVinoLibrary {
  const folder = findLibrary('openvino');
  if (folder === undefined) {
    throw new EngineUnavailable(
      'openvino',
      'OpenVINO is not installed.',
      'Install it: distillery devices --install openvino',
    );
  }
  return new OpenVinoLibrary(folder);
}
