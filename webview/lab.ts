/** @file Starts the Lab's page. */

import './translations';
import './app';
import { roles } from './colours';
import { registerToolkit } from './toolkit';

registerToolkit();
document.adoptedStyleSheets.push(roles.styleSheet!);
document.body.append(document.createElement('distillery-lab'));
