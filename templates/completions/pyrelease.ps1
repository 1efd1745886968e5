# PowerShell completion for pyrelease. In $PROFILE: pyrelease completions powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName pyrelease -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $before = $cursorPosition - $wordToComplete.Length
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -le $before } | ForEach-Object { $_.Extent.Text })
    & $commandAst.CommandElements[0].Extent.Text complete "--word=$wordToComplete" '--' @words 2>$null | ForEach-Object {
        $candidate, $about = $_ -split "`t", 2
        $about = if ($about) { $about } else { $candidate }
        [System.Management.Automation.CompletionResult]::new($candidate, $candidate, 'ParameterValue', $about)
    }
}
