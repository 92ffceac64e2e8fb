# bash completion of ngx-deploy
#
# Copyright (C) ngx_deploy_module authors

_ngx_deploy()
{
    local cur=${COMP_WORDS[COMP_CWORD]}
    local prev=${COMP_WORDS[COMP_CWORD - 1]}
    local words=

    COMPREPLY=()

    if ((COMP_CWORD == 1)); then
        words="send verify explain credentials start queue --help
               --version"

    elif [[ $prev == send ]]; then
        words="github gitlab bitbucket gitea forgejo gogs azure slack
               standard token hmac --help"

    elif [[ $cur == -* ]]; then

        case ${COMP_WORDS[1]} in
        send)
            words="--secret-file --line --param --event --delivery --time
                   --form --field --header --insecure --cacert --timeout
                   --dry-run --json --help"
            ;;
        verify|explain)
            words="--conf --uri --host --port --at --set --json --help"
            ;;
        credentials)
            words="--source --profile --role --external-id --session-name
                   --region --timeout --json --help"
            ;;
        queue)
            words="--all --max --json --help"
            ;;
        start)
            words="--source-version --env --override --token --endpoint
                   --source --profile --role --external-id --session-name
                   --region --timeout --dry-run --json --help"
            ;;
        esac

    elif [[ $prev == --param || $prev == -p ]]; then
        words="header= algorithm= encoding= prefix="
    fi

    if [[ ${COMP_WORDS[1]} == queue && -d $prev ]]; then
        words="list retry drop"
    fi

    if [[ $prev == --source ]]; then
        words="environment web_identity profile container imds chain"
    fi

    if [[ $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}

complete -o filenames -F _ngx_deploy ngx-deploy
