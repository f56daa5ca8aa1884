"""`python -m resnet_studio` is `resnet-studio`."""

import sys

from resnet_studio.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
